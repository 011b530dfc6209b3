/* In the place of libgupnp-igd, which brings libsoup 3 into Debian 12's whip-client. That was made with libsoup 2, and
   both in one process end it. libnice does without routers' port mappings when there is no thread for them. */
void *gupnp_simple_igd_thread_new(void) { return 0; }
unsigned long gupnp_simple_igd_get_type(void) { return 0; }
unsigned long gupnp_simple_igd_thread_get_type(void) { return 0; }
void gupnp_simple_igd_add_port(void) {}
void gupnp_simple_igd_remove_port(void) {}
void gupnp_simple_igd_remove_port_local(void) {}
int gupnp_simple_igd_delete_all_mappings(void) { return 1; }
