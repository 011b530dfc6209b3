/* virtual_camera.so: LD_PRELOAD for libcamera's "virtual" pipeline on machines without a camera.
 *
 * The pipeline wants dma-buf heaps, which few kernels of virtual machines have, and makes pictures as fast as
 * they are taken. This library gives memfds instead of dma-bufs, and holds pictures back:
 *   VIRTUAL_CAMERA_FPS    pictures a second, 30 when absent
 *   VIRTUAL_CAMERA_STALL  a path: while it exists no picture comes, as from a camera whose driver hangs
 *
 * libcamera maps each plane of a buffer for writing when it makes a picture; the first plane of a buffer of
 * the main stream, the first that was allocated, is where a picture begins.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BUFFERS = 256, SECOND = 1000000000 };

static struct {
  dev_t device;
  ino_t inodes[MAX_BUFFERS];
  int count;
  off_t main_size;
  ino_t last;
  bool in_use; /* pictures were made in these buffers; the next allocation is of a new configuration */
} buffers = {.in_use = true};

static bool is_heap(const char *path) {
  return path && strncmp(path, "/dev/dma_heap/", 14) == 0;
}

#define FLAGS_OF_A_DEVICE(flags) ((flags) & ~(O_CREAT | O_EXCL | O_TRUNC))

#define WRAP_OPEN(name)                                                                        \
  int name(const char *path, int flags, ...) {                                                 \
    va_list rest;                                                                              \
    va_start(rest, flags);                                                                     \
    mode_t mode = va_arg(rest, mode_t);                                                        \
    va_end(rest);                                                                              \
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                             \
    return is_heap(path) ? next("/dev/null", FLAGS_OF_A_DEVICE(flags)) : next(path, flags, mode); \
  }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name)                                                                      \
  int name(int directory, const char *path, int flags, ...) {                                  \
    va_list rest;                                                                              \
    va_start(rest, flags);                                                                     \
    mode_t mode = va_arg(rest, mode_t);                                                        \
    va_end(rest);                                                                              \
    int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name);                        \
    return is_heap(path) ? next(directory, "/dev/null", FLAGS_OF_A_DEVICE(flags))              \
                         : next(directory, path, flags, mode);                                 \
  }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

static int allocate(struct dma_heap_allocation_data *wanted) {
  int descriptor = memfd_create("virtual-camera", MFD_CLOEXEC);
  struct stat status;
  if (descriptor < 0) return -1;
  if (ftruncate(descriptor, wanted->len) || fstat(descriptor, &status)) {
    close(descriptor);
    return -1;
  }
  if (buffers.in_use) {
    buffers.main_size = wanted->len;
    buffers.in_use = false;
  }
  buffers.device = status.st_dev;
  buffers.inodes[buffers.count++ % MAX_BUFFERS] = status.st_ino;
  wanted->fd = descriptor;
  return 0;
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  switch (request) {
    case DMA_HEAP_IOCTL_ALLOC:
      return allocate(argument);
    case DMA_BUF_IOCTL_SYNC:
    case DMA_BUF_SET_NAME_A:
    case DMA_BUF_SET_NAME_B:
      return 0;
  }
  int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
  return next(descriptor, request, argument);
}

static bool picture_begins(int descriptor) {
  struct stat status;
  if (!buffers.count || descriptor < 0 || fstat(descriptor, &status) || status.st_dev != buffers.device)
    return false;
  for (int i = 0; i < MAX_BUFFERS && i < buffers.count; i++) {
    if (buffers.inodes[i] != status.st_ino) continue;
    buffers.in_use = true;
    if (status.st_size != buffers.main_size) return false;
    bool begins = status.st_ino != buffers.last;
    buffers.last = status.st_ino;
    return begins;
  }
  return false;
}

static void wait_for_its_turn(void) {
  static struct timespec due;
  const char *stall = getenv("VIRTUAL_CAMERA_STALL"), *fps = getenv("VIRTUAL_CAMERA_FPS");
  const struct timespec moment = {.tv_nsec = 20000000};
  while (stall && access(stall, F_OK) == 0) nanosleep(&moment, NULL);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec > due.tv_sec + 1) due = now; /* the first picture, or the first after a stall */
  due.tv_nsec += SECOND / (fps ? atof(fps) : 30);
  if (due.tv_nsec >= SECOND) {
    due.tv_nsec -= SECOND;
    due.tv_sec++;
  }
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  if (protection == PROT_WRITE && (flags & MAP_SHARED) && picture_begins(descriptor)) wait_for_its_turn();
  return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  return mmap(address, length, protection, flags, descriptor, offset);
}
