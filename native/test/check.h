// The whole test framework of the native unit tests: named cases, checks that say where they failed, and one
// line `N passed, N failed` at the end. A test file defines cases with TEST("…") { … }; check_main.cc runs
// them.
#pragma once

#include <cstdio>
#include <exception>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace restat::test {

struct Case {
  std::string name;
  std::function<void()> body;
};

std::vector<Case>& cases();

struct Registration {
  Registration(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

struct Failure : std::exception {
  explicit Failure(std::string text) : text(std::move(text)) {}
  const char* what() const noexcept override { return text.c_str(); }
  std::string text;
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::ostringstream out;
  out << file << ":" << line << ": " << what;
  throw Failure(out.str());
}

}  // namespace restat::test

#define RESTAT_JOIN2(a, b) a##b
#define RESTAT_JOIN(a, b) RESTAT_JOIN2(a, b)
#define TEST(name)                                                                   \
  static void RESTAT_JOIN(test_case_, __LINE__)();                                   \
  static const restat::test::Registration RESTAT_JOIN(test_registration_, __LINE__)( \
      name, RESTAT_JOIN(test_case_, __LINE__));                                      \
  static void RESTAT_JOIN(test_case_, __LINE__)()

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) restat::test::fail(__FILE__, __LINE__, "failed: " #condition); \
  } while (false)

#define CHECK_EQ(actual, expected)                                        \
  do {                                                                    \
    const auto check_a = (actual);                                        \
    const auto check_b = (expected);                                      \
    if (!(check_a == check_b)) {                                          \
      std::ostringstream check_out;                                       \
      check_out << #actual " is " << check_a << ", expected " << check_b; \
      restat::test::fail(__FILE__, __LINE__, check_out.str());            \
    }                                                                     \
  } while (false)
