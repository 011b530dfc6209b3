"""The forwarding part: RTP goes from producers to consumers without being decoded."""
