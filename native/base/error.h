// Errors as values: what failed, in which call, on which path. The binding layer turns them into exceptions.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace restat {

// A failure of a system call (`number` is its errno, `code` empty) or of restat's own checks (`code` is a
// stable name such as "CHUNK_DIGEST", `number` 0).
struct Error {
  int number = 0;
  std::string code;
  std::string syscall;
  std::string path;
  std::string message;

  static Error system(int number, std::string syscall, std::string path) {
    return Error{number, {}, std::move(syscall), std::move(path), {}};
  }
  static Error check(std::string code, std::string message, std::string path = {}) {
    return Error{0, std::move(code), {}, std::move(path), std::move(message)};
  }
  static Error cancelled() { return check("ABORT_ERR", "the operation was aborted"); }
  bool is_cancelled() const { return code == "ABORT_ERR"; }
};

struct Unit {};

// Either a value or an Error. `ok()` must be asked before `value()` or `error()`.
template <typename T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Unit>;

}  // namespace restat
