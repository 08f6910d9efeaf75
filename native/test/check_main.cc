#include "test/check.h"

namespace restat::test {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

}  // namespace restat::test

int main() {
  int passed = 0;
  int failed = 0;
  for (const auto& test : restat::test::cases()) {
    try {
      test.body();
      ++passed;
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAIL %s\n  %s\n", test.name.c_str(), error.what());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
