// Advisory locks on open files; never waits.
#pragma once

#include "base/error.h"

namespace restat {

enum class LockKind {
  kFlock,  // belongs to the open file (groups, snapshots, manifests)
  kRecord  // POSIX record lock, belongs to the process (the chunk store)
};

// True when the lock was taken or changed, false when somebody else holds it.
Result<bool> try_lock(int fd, LockKind kind, bool exclusive);

}  // namespace restat
