// Small worlds for tests: a directory that goes away, and bytes that are the same in every run.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace restat::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "restat-test.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// xorshift64*: bytes that look random.
inline std::vector<std::uint8_t> random_bytes(std::size_t length, std::uint64_t seed) {
  std::vector<std::uint8_t> out(length);
  std::uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
  for (auto& byte : out) {
    x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
    byte = static_cast<std::uint8_t>((x * 0x2545f4914f6cdd1d) >> 56);
  }
  return out;
}

inline void write_file(const std::string& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace restat::test
