// Any bytes as the metadata stream of a reference, walked by any sequence of calls (the first part of the
// input).
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "detect/reference_cursor.h"

namespace {

std::shared_ptr<const restat::Fd> spooled(const std::uint8_t* data, std::size_t size) {
  auto file = std::make_shared<restat::Fd>(memfd_create("reference", MFD_CLOEXEC));
  if (::write(file->get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kCalls = 64;
  const std::size_t calls = std::min(size, kCalls);
  const auto file = spooled(data + calls, size - calls);
  restat::detect::file_ranges(file, size - calls);
  restat::detect::ReferenceCursor cursor(file);
  cursor.set_available(size - calls);
  if (!cursor.begin().ok()) cursor.give_up();
  std::size_t open = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    const std::string name(1, static_cast<char>('a' + data[i] % 16));
    switch (data[i] >> 6) {
      case 0:
        if (cursor.enter(name).ok()) ++open;
        break;
      case 1:
        if (open > 0 && cursor.leave().ok()) --open;
        break;
      case 2:
        cursor.resume(data[i] * std::uint64_t{7}, data[i] % (open + 2));
        break;
      default:
        (void)cursor.compare({name, {data, calls}, data[i]});
    }
    cursor.take_gone();
  }
  return 0;
}
