// Any bytes as extraction records and as metadata: what the checks let through can be read without leaving
// the buffer.
#include "extract/metadata.h"
#include "extract/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  if (restat::extract::validate_records(bytes).ok()) {
    std::size_t sum = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const restat::extract::Record record(bytes.data() + at);
      for (const char c : record.name()) sum += static_cast<unsigned char>(c);
      for (const char c : record.extra()) sum += static_cast<unsigned char>(c);
      (void)restat::extract::parse_metadata(record.body());
      at += record.length();
    }
    if (sum == ~std::size_t{0}) __builtin_trap();
  }
  (void)restat::extract::parse_metadata(bytes);
  return 0;
}
