// The life of a directory in the target: made with mode 0700, given its metadata when everything in it is
// done.
#pragma once

#include <memory>

#include "extract/context.h"
#include "extract/record.h"

namespace restat::extract {

// As deep as the format allows (src/pxar/format.ts).
inline constexpr unsigned kMaxDepth = 65536;

// Opens or makes the target itself.
Result<std::shared_ptr<Directory>> open_target(Context& context, const Record& record);

// Makes (or, where that is allowed, enters) a directory. On failure there is an error event, and the result
// is `failed`.
std::shared_ptr<Directory> make_directory(Context& context, const std::shared_ptr<Directory>& parent,
                                          const Record& record);

// One entry of the directory is done, or it was closed; the last one gives it, and then its parents, their
// metadata.
void release(Context& context, std::shared_ptr<Directory> directory);

// Sets the flags that forbid changes, after everything else is done.
void apply_last_flags(Context& context);

}  // namespace restat::extract
