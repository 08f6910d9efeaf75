#include "chunk/stream_cutter.h"

namespace restat {

std::size_t StreamCutter::find(ByteView bytes) {
  if (fixed_ > 0) return bytes.size() < fixed_ ? 0 : fixed_;
  while (!suggestions_.empty() && suggestions_.front() < start_ + chunker_.min()) suggestions_.pop_front();
  const bool suggested = !suggestions_.empty() && suggestions_.front() - start_ <= bytes.size();
  if (suggested) bytes = bytes.first(suggestions_.front() - start_);
  if (const std::size_t length = chunker_.find_cut(bytes, tested_)) return length;
  tested_ = bytes.size();
  return suggested ? bytes.size() : 0;
}

void StreamCutter::advance(std::size_t length) {
  start_ += length;
  tested_ = 0;
}

}  // namespace restat
