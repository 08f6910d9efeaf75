#include "extract/record.h"

namespace restat::extract {
namespace {

Status broken(const char* what, std::size_t at) {
  return Error::check("RECORD", std::string("extraction record at byte ") + std::to_string(at) + ": " + what);
}

}  // namespace

Status validate_records(ByteView bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes.size() - at < Record::kHeader) return broken("shorter than its header", at);
    const Record record(bytes.data() + at);
    const std::size_t length = record.length();
    if (length < Record::kHeader || length % 8 != 0 || length > bytes.size() - at)
      return broken("its length does not fit", at);
    if (record.name_length() + record.body_length() + record.extra_length() > length - Record::kHeader)
      return broken("its parts are longer than itself", at);
    if (record.kind() < Kind::directory || record.kind() > Kind::hardlink)
      return broken("of unknown kind", at);
    at += length;
  }
  return Unit{};
}

}  // namespace restat::extract
