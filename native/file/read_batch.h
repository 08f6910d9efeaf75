// The contents of many small files, read in one call, laid out in one buffer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer_pool.h"
#include "base/bytes.h"

namespace restat {

struct ReadBatch {
  struct File {
    std::uint64_t offset = 0;  // in `data`
    std::uint64_t size =
        0;  // the announced size: what stands in `data`, cut or zero-filled if the file was not so long
    std::uint32_t status = 0;  // ReadStatus
    std::uint32_t error = 0;   // errno where the status says that it could not be read
  };

  ByteView contents(std::size_t index) const {
    return ByteView(data.data() + files[index].offset, files[index].size);
  }

  Buffer data;
  std::vector<File> files;
};

}  // namespace restat
