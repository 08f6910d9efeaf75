#include "binding/detect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "binding/arguments.h"
#include "binding/async.h"
#include "detect/reference_cursor.h"
#include "scan/stat.h"

namespace restat::binding {
namespace {

using detect::ReferenceCursor;

// What a call comes to when the reference is not there yet; the other numbers belong to the call.
constexpr int kMore = 2;

Result<std::shared_ptr<Fd>> duplicate(const Napi::Value& number) {
  Fd fd(fcntl(static_cast<int>(number_of(number)), F_DUPFD_CLOEXEC, 0));
  if (!fd) return Error::system(errno, "fcntl", {});
  return std::make_shared<Fd>(std::move(fd));
}

Napi::Value thrown(Napi::Env env, const Error& error) {
  to_exception(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value to_array(Napi::Env env, const std::vector<double>& values) {
  auto out = Napi::Float64Array::New(env, values.size());
  if (!values.empty()) std::memcpy(out.Data(), values.data(), values.size() * sizeof(double));
  return out;
}

// Parts of the packed records of a directory, read in place. Every offset is checked where it is used.
class Directory {
 public:
  Directory(ByteSpan list, ByteSpan stats, ByteSpan description)
      : list_(list), stats_(stats), description_(description) {
    names_ = count_of(list);
    bodies_ = count_of(description);
  }

  std::size_t rows() const { return stats_.size() / sizeof(StatRecord); }
  StatRecord record(std::size_t row) const {
    return load_le<StatRecord>(stats_.data() + row * sizeof(StatRecord));
  }
  std::string_view name(std::uint32_t index) const {
    const ByteView bytes = slice(list_, 8, 8 + 4 * (names_ + 1) + names_, index, names_);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  ByteView body(std::size_t row) const {
    const std::uint64_t offsets = 8 + 4 * bodies_;
    return slice(description_, offsets, offsets + 4 * (bodies_ + 1), row, bodies_);
  }

 private:
  static std::uint64_t count_of(ByteView bytes) {
    return bytes.size() < 12 ? 0 : load_le<std::uint32_t>(bytes.data());
  }

  // Item i of `count` whose offsets stand at `offsets` and whose bytes begin at `base`; empty if they do not
  // fit.
  static ByteView slice(ByteView bytes, std::uint64_t offsets, std::uint64_t base, std::uint64_t i,
                        std::uint64_t count) {
    if (i >= count || base > bytes.size()) return {};
    const std::uint64_t from = load_le<std::uint32_t>(bytes.data() + offsets + 4 * i);
    const std::uint64_t to = load_le<std::uint32_t>(bytes.data() + offsets + 4 * (i + 1));
    if (from > to || to > bytes.size() - base) return {};
    return bytes.subspan(base + from, to - from);
  }

  ByteView list_;
  ByteView stats_;
  ByteView description_;
  std::uint64_t names_;
  std::uint64_t bodies_;
};

class CursorWrap : public Napi::ObjectWrap<CursorWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "ReferenceCursor",
        {InstanceMethod<&CursorWrap::set_available>("setAvailable"),
         InstanceMethod<&CursorWrap::begin>("begin"), InstanceMethod<&CursorWrap::enter>("enter"),
         InstanceMethod<&CursorWrap::leave>("leave"), InstanceMethod<&CursorWrap::compare>("compare"),
         InstanceMethod<&CursorWrap::take_gone>("takeGone"),
         InstanceMethod<&CursorWrap::position>("position"), InstanceMethod<&CursorWrap::depth>("depth"),
         InstanceMethod<&CursorWrap::resume>("resume")});
  }

  explicit CursorWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CursorWrap>(info) {
    auto file = duplicate(info[0]);
    if (!file.ok()) {
      thrown(info.Env(), file.error());
      return;
    }
    cursor_ = std::make_unique<ReferenceCursor>(std::move(file.value()));
  }

 private:
  // The value of a call: `value`, kMore, or the error thrown.
  template <typename T>
  Napi::Value outcome(Napi::Env env, const Result<T>& result, int value) {
    if (result.ok()) return Napi::Number::New(env, value);
    if (result.error().code == "SPOOL_MORE") return Napi::Number::New(env, kMore);
    return thrown(env, result.error());
  }

  Napi::Value set_available(const Napi::CallbackInfo& info) {
    cursor_->set_available(number_of(info[0]));
    return info.Env().Undefined();
  }

  Napi::Value begin(const Napi::CallbackInfo& info) { return outcome(info.Env(), cursor_->begin(), 0); }

  Napi::Value enter(const Napi::CallbackInfo& info) {
    const ByteView name = bytes_of(info[0]);
    auto entered = cursor_->enter({reinterpret_cast<const char*>(name.data()), name.size()});
    return outcome(info.Env(), entered, entered.ok() && entered.value() ? 1 : 0);
  }

  Napi::Value leave(const Napi::CallbackInfo& info) { return outcome(info.Env(), cursor_->leave(), 0); }

  // compare(list, stats, description, first, last, from, matches, payloads): compares rows from `from` on and
  // returns the first row that was not compared, because the reference is not there yet; `last` when all
  // were.
  Napi::Value compare(const Napi::CallbackInfo& info) {
    const Directory directory(bytes_of(info[0]), bytes_of(info[1]), bytes_of(info[2]));
    const std::uint64_t first = number_of(info[3]);
    const std::uint64_t last = number_of(info[4]);
    std::uint64_t row = number_of(info[5]);
    const ByteSpan matches = bytes_of(info[6]);
    const ByteSpan payloads = bytes_of(info[7]);
    if (last > directory.rows() || first > row || row > last || matches.size() < last - first ||
        payloads.size() / sizeof(double) < last - first)
      return misuse(info.Env(), "compare: rows and results do not fit");
    for (; row < last; ++row) {
      auto compared = compare_row(directory, row);
      if (!compared.ok() && compared.error().code == "SPOOL_MORE") break;
      if (!compared.ok()) return thrown(info.Env(), compared.error());
      matches[row - first] = compared.value().match;
      store_le(payloads.data() + sizeof(double) * (row - first),
               static_cast<double>(compared.value().payload));
    }
    return Napi::Number::New(info.Env(), static_cast<double>(row));
  }

  Result<detect::Compared> compare_row(const Directory& directory, std::size_t row) {
    const StatRecord record = directory.record(row);
    const ByteView body = directory.body(row);
    if (!S_ISREG(record.mode) || body.empty()) return detect::Compared{};
    return cursor_->compare({directory.name(record.name_index), body, record.size});
  }

  Napi::Value take_gone(const Napi::CallbackInfo& info) { return to_array(info.Env(), cursor_->take_gone()); }

  Napi::Value position(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(cursor_->position()));
  }

  Napi::Value depth(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(cursor_->depth()));
  }

  Napi::Value resume(const Napi::CallbackInfo& info) {
    cursor_->resume(number_of(info[0]), number_of(info[1]));
    return info.Env().Undefined();
  }

  std::unique_ptr<ReferenceCursor> cursor_;
};

Napi::Value file_ranges(const Napi::CallbackInfo& info) {
  auto file = duplicate(info[0]);
  if (!file.ok()) return thrown(info.Env(), file.error());
  auto work = [file = file.value(), available = number_of(info[1])]() -> Result<detect::FileRanges> {
    return detect::file_ranges(file, available);
  };
  return run_async<detect::FileRanges>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                                       [](Napi::Env env, detect::FileRanges& ranges) -> Napi::Value {
                                         auto out = Napi::Object::New(env);
                                         out.Set("starts", to_array(env, ranges.starts));
                                         out.Set("ends", to_array(env, ranges.ends));
                                         return out;
                                       });
}

}  // namespace

void export_detect(Napi::Env env, Napi::Object exports) {
  exports.Set("ReferenceCursor", CursorWrap::define(env));
  exports.Set("referenceFileRanges", Napi::Function::New(env, file_ranges));
}

}  // namespace restat::binding
