// Any bytes as the kernel's ACL attributes.
#include "scan/acl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  std::string out;
  restat::append_acl_items(raw.substr(0, size / 2), raw.substr(size / 2), out);
  return 0;
}
