// Images as parts of a stream: ranges of devices and files, and pipes.
#pragma once

#include "base/cancel.h"
#include "chunk/input.h"

namespace restat {

// `size` bytes of an image from `offset` on, without a header. What is missing at the end of the file is
// filled with zeros; a read that fails ends the input. The outcome is as for files.
std::unique_ptr<Input> range_input(std::shared_ptr<const Fd> file, std::uint64_t offset, std::uint64_t size);

// What comes out of a pipe until its end, the number of bytes as outcome. Waits for them until `token` is
// set.
std::unique_ptr<Input> pipe_input(std::shared_ptr<const Fd> pipe, CancelToken token);

}  // namespace restat
