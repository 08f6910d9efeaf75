#include "file/locks.h"

#include <fcntl.h>
#include <sys/file.h>

namespace restat {
namespace {

int lock_once(int fd, LockKind kind, bool exclusive) {
  if (kind == LockKind::kFlock) return flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
  struct flock whole {};
  whole.l_type = static_cast<short>(exclusive ? F_WRLCK : F_RDLCK);
  whole.l_whence = SEEK_SET;
  return fcntl(fd, F_SETLK, &whole);
}

}  // namespace

Result<bool> try_lock(int fd, LockKind kind, bool exclusive) {
  if (lock_once(fd, kind, exclusive) == 0) return true;
  if (errno == EWOULDBLOCK || errno == EAGAIN || errno == EACCES) return false;
  return Error::system(errno, kind == LockKind::kFlock ? "flock" : "fcntl", {});
}

}  // namespace restat
