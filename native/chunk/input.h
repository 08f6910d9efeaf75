// What a stream is made of: bytes, batches of small files, and files that are read when their turn comes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"
#include "file/read_batch.h"

namespace restat {

// Header before each file's contents: type u64, length with header u64 (pxar.md, PAYLOAD).
inline constexpr std::uint64_t kPayloadItem = 0x28147a1b0b7c1a25;
inline constexpr std::size_t kPayloadHeader = 16;

class Input {
 public:
  // The least room that read() is called with.
  static constexpr std::size_t kMinRoom = 4096;
  // Size of an input that goes on until read() returns 0.
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  virtual ~Input() = default;

  // How many bytes it adds to the stream in all.
  virtual std::uint64_t size() const = 0;
  // Puts the next bytes at the beginning of `room` and returns their number; 0 ends the input, also before
  // all its bytes are there. Notes in `file_starts` where in `room` the header of a file begins. May block on
  // reading a file.
  virtual std::size_t read(ByteSpan room, std::vector<std::size_t>& file_starts) = 0;
  // Asked when all was read: how many bytes of contents were really there.
  virtual Result<std::uint64_t> outcome() = 0;
};

std::unique_ptr<Input> bytes_input(std::vector<std::uint8_t> bytes);

// The files of `batch` that `indexes` names, each with its header. All indexes are valid.
std::unique_ptr<Input> batch_input(std::shared_ptr<const ReadBatch> batch,
                                   std::vector<std::uint32_t> indexes);

// The same with bytes between them: bytes[ends[i-1], ends[i]) stand before the header of file i, and what is
// left behind the last one. `ends` ascend within the bytes, one for each index.
std::unique_ptr<Input> mixed_input(std::shared_ptr<const ReadBatch> batch, std::vector<std::uint32_t> indexes,
                                   std::vector<std::uint8_t> bytes, std::vector<std::uint32_t> ends);

// The first `size` bytes of a regular file, with their header. What is missing is filled with zeros: the
// outcome is the number of bytes that were read, or the error of the read that failed.
std::unique_ptr<Input> file_input(std::shared_ptr<const Fd> file, std::uint64_t size);

}  // namespace restat
