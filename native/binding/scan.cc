#include "binding/scan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "binding/arguments.h"
#include "binding/async.h"
#include "file/read_files.h"
#include "scan/whole.h"

namespace restat::binding {
namespace {

Napi::Value to_buffer(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

// Smaller buffers are left to the collector; what JavaScript allocates from a shared block is always smaller.
constexpr std::size_t kWorthDetaching = 64 * 1024;

// A listing that came back from JavaScript: whole and consistent, or nothing.
std::shared_ptr<const Listing> listing_of(const Napi::Value& value) {
  auto listing = std::make_shared<Listing>(Listing{string_of(value)});
  const std::string& bytes = listing->packed;
  if (bytes.size() < 12) return nullptr;
  const std::uint64_t count = listing->count();
  const std::uint64_t names_at = 8 + 4 * (count + 1) + count;
  if (names_at > bytes.size()) return nullptr;
  std::uint32_t before = 0;
  for (std::uint64_t i = 0; i <= count; ++i) {
    const auto offset = load_le<std::uint32_t>(bytes.data() + 8 + 4 * i);
    if (offset < before || offset > bytes.size() - names_at) return nullptr;
    before = offset;
  }
  return listing;
}

bool indexes_below(const std::vector<std::uint32_t>& indexes, std::size_t count) {
  for (const auto index : indexes)
    if (index >= count) return false;
  return true;
}

// Records of `stats` (a buffer of StatRecord) at `indexes`; the directory may have far more than these.
bool select_records(const Napi::Value& stats, const std::vector<std::uint32_t>& indexes, StatRecords& out) {
  const auto all = bytes_of(stats);
  if (!indexes_below(indexes, all.size() / sizeof(StatRecord))) return false;
  out.reserve(indexes.size());
  for (const auto index : indexes)
    out.push_back(load_le<StatRecord>(all.data() + index * sizeof(StatRecord)));
  return true;
}

// Names of a buffer in which each ends with a NUL.
std::vector<std::string> names_of(const Napi::Value& value) {
  std::vector<std::string> names;
  for (auto rest = bytes_of(value); !rest.empty();) {
    const auto end = std::ranges::find(rest, std::uint8_t{0});
    const auto length = static_cast<std::size_t>(end - rest.begin());
    names.emplace_back(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(std::min(rest.size(), length + 1));
  }
  return names;
}

// Name `index` of a packed listing, which is not copied as a whole for it; nothing where there is none.
std::optional<std::string> name_in(ByteSpan listing, std::size_t index) {
  if (listing.size() < 12) return std::nullopt;
  const std::size_t count = load_le<std::uint32_t>(listing.data());
  const std::size_t names_at = 8 + 4 * (count + 1) + count;
  if (index >= count || names_at > listing.size()) return std::nullopt;
  const auto from = load_le<std::uint32_t>(listing.data() + 8 + 4 * index);
  const auto to = load_le<std::uint32_t>(listing.data() + 8 + 4 * (index + 1));
  if (from > to || to > listing.size() - names_at) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(listing.data()) + names_at + from, to - from);
}

class TreeWrap : public Napi::ObjectWrap<TreeWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Tree",
        {InstanceMethod<&TreeWrap::enter>("enter"), InstanceMethod<&TreeWrap::leave>("leave"),
         InstanceMethod<&TreeWrap::root>("root"), InstanceMethod<&TreeWrap::list>("list"),
         InstanceMethod<&TreeWrap::whole>("whole"), InstanceMethod<&TreeWrap::stat>("stat"),
         InstanceMethod<&TreeWrap::describe>("describe"), InstanceMethod<&TreeWrap::magic>("magic"),
         InstanceMethod<&TreeWrap::content>("content"), InstanceMethod<&TreeWrap::read>("read"),
         InstanceMethod<&TreeWrap::discard>("discard"), InstanceMethod<&TreeWrap::open>("open"),
         InstanceMethod<&TreeWrap::compare>("compare")});
  }

  explicit TreeWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TreeWrap>(info) {
    auto tree = Tree::open(string_of(info[0]));
    if (!tree.ok()) {
      to_exception(info.Env(), tree.error()).ThrowAsJavaScriptException();
      return;
    }
    tree_ = std::move(tree.value());
    options_.skip_e2big_xattr = flag_of(info[1]);
    token_ = Environment::of(info.Env()).token(info[2]);
  }

 private:
  Napi::Value enter(const Napi::CallbackInfo& info) {
    const auto record = bytes_of(info[2]);
    if (record.size() < sizeof(StatRecord)) return misuse(info.Env(), "enter: a stat record is needed");
    const auto stat = load_le<StatRecord>(record.data());
    return Napi::Number::New(info.Env(), tree_->enter(static_cast<std::uint32_t>(number_of(info[0])),
                                                      string_of(info[1]), {stat.dev, stat.ino}));
  }

  Napi::Value leave(const Napi::CallbackInfo& info) {
    tree_->leave(static_cast<std::uint32_t>(number_of(info[0])));
    return info.Env().Undefined();
  }

  Napi::Value root(const Napi::CallbackInfo& info) {
    auto described = describe_root(*tree_, options_);
    if (described.ok()) return to_buffer(info.Env(), described.value());
    to_exception(info.Env(), described.error()).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }

  Napi::Value list(const Napi::CallbackInfo& info) {
    const auto directory = static_cast<std::uint32_t>(number_of(info[0]));
    const auto limit = static_cast<std::uint32_t>(number_of(info[1]));
    auto work = [tree = tree_, directory, limit, token = token_] {
      return list_directory(*tree, directory, limit, token);
    };
    return run_async<Listing>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                              [](Napi::Env env, Listing& listing) { return to_buffer(env, listing.packed); });
  }

  // Listing, stat records and description in one buffer, behind the lengths of the first two.
  static Napi::Value whole_to_js(Napi::Env env, WholeDirectory& whole) {
    const std::size_t stats = whole.stats.size() * sizeof(StatRecord);
    const std::string& list = whole.listing.packed;
    auto out = Napi::ArrayBuffer::New(env, 8 + list.size() + stats + whole.description.size());
    char* to = static_cast<char*>(out.Data());
    store_le(to, static_cast<std::uint32_t>(list.size()));
    store_le(to + 4, static_cast<std::uint32_t>(stats));
    std::memcpy(to + 8, list.data(), list.size());
    if (stats > 0) std::memcpy(to + 8 + list.size(), whole.stats.data(), stats);
    std::memcpy(to + 8 + list.size() + stats, whole.description.data(), whole.description.size());
    return out;
  }

  Napi::Value whole(const Napi::CallbackInfo& info) {
    const auto directory = static_cast<std::uint32_t>(number_of(info[0]));
    const auto limit = static_cast<std::uint32_t>(number_of(info[1]));
    auto work = [tree = tree_, directory, limit, only_list = names_of(info[2]), options = options_,
                 token = token_] { return scan_whole(*tree, directory, limit, only_list, options, token); };
    return run_async<WholeDirectory>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                                     whole_to_js);
  }

  Napi::Value stat(const Napi::CallbackInfo& info) {
    auto listing = listing_of(info[1]);
    auto selected = copy_array<std::uint32_t>(info[2]);
    if (!listing || !indexes_below(selected, listing->count()))
      return misuse(info.Env(), "stat: not a listing");
    auto& environment = Environment::of(info.Env());
    auto& pending = environment.pending(info.Env());
    const Napi::Value promise = pending.promise();
    stat_entries(environment.engine(), tree_, static_cast<std::uint32_t>(number_of(info[0])),
                 std::move(listing), std::move(selected), token_,
                 settle<StatRecords>(pending, [](Napi::Env env, StatRecords& records) -> Napi::Value {
                   return Napi::Buffer<std::uint8_t>::Copy(env,
                                                           reinterpret_cast<std::uint8_t*>(records.data()),
                                                           records.size() * sizeof(StatRecord));
                 }));
    return promise;
  }

  Napi::Value describe(const Napi::CallbackInfo& info) {
    auto listing = listing_of(info[1]);
    StatRecords records;
    if (!listing || !select_records(info[2], copy_array<std::uint32_t>(info[3]), records) ||
        std::ranges::any_of(records, [&](const StatRecord& r) { return r.name_index >= listing->count(); }))
      return misuse(info.Env(), "describe: not a listing and its stat records");
    auto& environment = Environment::of(info.Env());
    auto& pending = environment.pending(info.Env());
    const Napi::Value promise = pending.promise();
    describe_entries(environment.engine(), tree_, static_cast<std::uint32_t>(number_of(info[0])),
                     std::move(listing), std::move(records), options_, token_,
                     settle<Description>(
                         pending, [](Napi::Env env, Description& packed) { return to_buffer(env, packed); }));
    return promise;
  }

  // The magic number of the file system that holds the directory.
  Napi::Value magic(const Napi::CallbackInfo& info) {
    const auto directory = static_cast<std::uint32_t>(number_of(info[0]));
    auto work = [tree = tree_, directory]() -> Result<std::uint64_t> {
      auto fd = tree->directory(directory);
      if (!fd.ok()) return fd.error();
      return filesystem_magic(fd.value()->get(), tree->path_of(directory));
    };
    return run_async<std::uint64_t>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                                    [](Napi::Env env, std::uint64_t& magic) -> Napi::Value {
                                      return Napi::Number::New(env, static_cast<double>(magic));
                                    });
  }

  Napi::Value content(const Napi::CallbackInfo& info) {
    const auto directory = static_cast<std::uint32_t>(number_of(info[0]));
    auto work = [tree = tree_, directory, name = string_of(info[1]), limit = number_of(info[2])] {
      return read_beginning(*tree, directory, name, limit);
    };
    using Found = std::optional<std::string>;
    return run_async<Found>(
        info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
        [](Napi::Env env, Found& found) { return found ? to_buffer(env, *found) : env.Undefined(); });
  }

  // Appends the files of one group {directory, list, stats, indexes} to `out`.
  static bool append_requests(const Napi::Value& group, std::vector<ReadRequest>& out) {
    if (!group.IsObject()) return false;
    auto object = group.As<Napi::Object>();
    const auto listing = bytes_of(object.Get("list"));
    StatRecords records;
    if (!select_records(object.Get("stats"), copy_array<std::uint32_t>(object.Get("indexes")), records))
      return false;
    const auto directory = static_cast<std::uint32_t>(number_of(object.Get("directory")));
    for (const auto& record : records) {
      auto name = name_in(listing, record.name_index);
      if (!name) return false;
      out.push_back({directory, std::move(*name), record});
    }
    return true;
  }

  Napi::Value read(const Napi::CallbackInfo& info) {
    std::vector<ReadRequest> requests;
    if (!info[0].IsArray()) return misuse(info.Env(), "read: an array of groups is needed");
    auto groups = info[0].As<Napi::Array>();
    for (std::uint32_t i = 0; i < groups.Length(); ++i)
      if (!append_requests(groups.Get(i), requests)) return misuse(info.Env(), "read: not a group of files");
    auto& environment = Environment::of(info.Env());
    auto& pending = environment.pending(info.Env());
    const Napi::Value promise = pending.promise();
    read_files(environment.engine(), tree_, std::move(requests), token_,
               settle<std::shared_ptr<ReadBatch>>(pending, batch_to_js));
    return promise;
  }

  static Napi::Value batch_to_js(Napi::Env env, std::shared_ptr<ReadBatch>& batch) {
    auto status = Napi::Uint32Array::New(env, batch->files.size());
    auto errors = Napi::Uint32Array::New(env, batch->files.size());
    for (std::size_t i = 0; i < batch->files.size(); ++i) {
      status[i] = batch->files[i].status;
      errors[i] = batch->files[i].error;
    }
    auto out = Napi::Object::New(env);
    out.Set("status", status);
    out.Set("errors", errors);
    out.Set("batch", Napi::External<std::shared_ptr<ReadBatch>>::New(
                         env, new std::shared_ptr<ReadBatch>(batch),
                         [](Napi::Env, std::shared_ptr<ReadBatch>* data) { delete data; }));
    return out;
  }

  // Lets memory go when it is not needed any more: the collector does not know how large a batch is, and is
  // late with large buffers.
  Napi::Value discard(const Napi::CallbackInfo& info) {
    if (info[0].IsExternal()) info[0].As<Napi::External<std::shared_ptr<ReadBatch>>>().Data()->reset();
    if (info[0].IsArrayBuffer()) info[0].As<Napi::ArrayBuffer>().Detach();
    if (info[0].IsTypedArray()) {
      auto memory = info[0].As<Napi::TypedArray>().ArrayBuffer();
      if (memory.ByteLength() >= kWorthDetaching) memory.Detach();
    }
    return info.Env().Undefined();
  }

  Napi::Value open(const Napi::CallbackInfo& info) {
    const auto record = bytes_of(info[2]);
    if (record.size() < sizeof(StatRecord)) return misuse(info.Env(), "open: a stat record is needed");
    ReadRequest request{static_cast<std::uint32_t>(number_of(info[0])), string_of(info[1]),
                        load_le<StatRecord>(record.data())};
    auto work = [tree = tree_, request = std::move(request)] { return open_file(*tree, request); };
    return run_async<std::shared_ptr<Fd>>(
        info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
        [](Napi::Env env, std::shared_ptr<Fd>& fd) -> Napi::Value {
          return Napi::External<std::shared_ptr<Fd>>::New(
              env, new std::shared_ptr<Fd>(fd), [](Napi::Env, std::shared_ptr<Fd>* data) { delete data; });
        });
  }

  // Bits of ReadStatus for an open file against its stat record; then lets go of the file, which a stream
  // that failed may still be reading.
  Napi::Value compare(const Napi::CallbackInfo& info) {
    const auto record = bytes_of(info[1]);
    if (!info[0].IsExternal() || record.size() < sizeof(StatRecord))
      return misuse(info.Env(), "compare: an open file and a stat record are needed");
    const auto fd = std::exchange(*info[0].As<Napi::External<std::shared_ptr<Fd>>>().Data(), nullptr);
    if (!fd) return misuse(info.Env(), "compare: the file was compared before");
    auto bits = compare_with_record(fd->get(), load_le<StatRecord>(record.data()));
    if (bits.ok()) return Napi::Number::New(info.Env(), bits.value());
    to_exception(info.Env(), bits.error()).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }

  std::shared_ptr<Tree> tree_;
  AttributeOptions options_;
  CancelToken token_;
};

}  // namespace

void export_scan(Napi::Env env, Napi::Object exports) {
  exports.Set("Tree", TreeWrap::define(env));
}

}  // namespace restat::binding
