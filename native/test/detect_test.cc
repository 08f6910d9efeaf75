// The cursor over a reference: random trees against a naive comparison, spools that grow, bytes that are
// damaged.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "detect/reference_cursor.h"
#include "pxar/items.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using namespace restat::detect;
using restat::test::write_file;

namespace {

constexpr std::uint64_t kVersion = 0x730f6c75df16a40d;
constexpr std::uint64_t kPrelude = 0xe309d79d9f7b771b;
constexpr std::uint64_t kFilename = 0x16701121063917b3;
constexpr std::uint64_t kHardlink = 0x51269c8422bd7275;
constexpr std::uint64_t kPayloadRef = 0x419d3d6bc4ba977e;
constexpr std::uint64_t kGoodbye = 0x2fec4fa642d5731d;

struct Node {
  Kind kind = Kind::file;
  std::uint64_t size = 0;
  std::uint64_t mtime = 0;
  std::uint64_t payload = 0;
  std::string attribute;  // content of an xattr item; none if empty
  std::map<std::string, Node> children;
};

std::uint32_t mode_of(Kind kind) {
  if (kind == Kind::directory) return S_IFDIR | 0755;
  return kind == Kind::file ? S_IFREG | 0644 : S_IFIFO | 0644;
}

std::string body_of(const Node& node) {
  std::string out;
  pxar::put_header(out, pxar::kEntry, 40);
  for (const std::uint64_t word :
       {std::uint64_t{mode_of(node.kind)}, std::uint64_t{0}, std::uint64_t{0}, node.mtime, std::uint64_t{7}})
    pxar::put_u64(out, word);
  if (node.attribute.empty()) return out;
  pxar::put_header(out, pxar::kXattr, node.attribute.size());
  return out + node.attribute;
}

void encode_children(std::string& out, const Node& directory) {
  for (const auto& [name, node] : directory.children) {
    pxar::put_header(out, kFilename, name.size() + 1);
    out += name + '\0';
    if (node.kind == Kind::hardlink) {
      pxar::put_header(out, kHardlink, 10);
      out += std::string(9, 'x') + '\0';
      continue;
    }
    out += body_of(node);
    if (node.kind == Kind::directory) encode_children(out, node);
    if (node.kind != Kind::file) continue;
    pxar::put_header(out, kPayloadRef, 16);
    pxar::put_u64(out, node.payload);
    pxar::put_u64(out, node.size);
  }
  pxar::put_header(out, kGoodbye, 24 * (directory.children.size() + 1));
  out += std::string(24 * (directory.children.size() + 1), 'g');
}

std::string encode(const Node& root, bool prelude) {
  std::string out;
  pxar::put_header(out, kVersion, 8);
  pxar::put_u64(out, 2);
  if (prelude) pxar::put_header(out, kPrelude, 5);
  if (prelude) out += "prelu";
  out += body_of(root);
  encode_children(out, root);
  return out;
}

using Random = std::mt19937_64;

// Names that sort in many ways: one is the beginning of another, bytes above 127.
std::string name_of(Random& random) {
  static const std::string letters("ab\x7f\x80\xff", 5);
  std::string out;
  for (std::size_t left = 1 + random() % 4; left > 0; --left) out += letters[random() % letters.size()];
  return out;
}

Node leaf_of(Random& random, std::uint64_t& payload) {
  static constexpr Kind kinds[] = {Kind::file, Kind::file, Kind::file, Kind::other, Kind::hardlink};
  Node node;
  node.kind = kinds[random() % std::size(kinds)];
  node.size = random() % 3;
  node.mtime = random() % 3;
  node.payload = payload += 100;
  // Now and then longer than the reader's window.
  if (random() % 4 == 0) node.attribute = std::string(random() % 200 == 0 ? 300'000 : 20, 'v');
  return node;
}

Node tree_of(Random& random, std::uint64_t& payload, int depth) {
  Node node;
  node.kind = Kind::directory;
  for (std::size_t left = random() % 9; left > 0; --left) {
    const bool is_directory = depth < 4 && random() % 3 == 0;
    node.children[name_of(random)] =
        is_directory ? tree_of(random, payload, depth + 1) : leaf_of(random, payload);
  }
  return node;
}

// The live tree: some entries gone, some changed, some new.
Node edited(Random& random, const Node& old) {
  Node node = old;
  std::uint64_t payload = 1'000'000;
  for (auto it = node.children.begin(); it != node.children.end();) {
    const auto choice = random() % 8;
    if (choice == 0) {
      it = node.children.erase(it);
      continue;
    }
    if (choice == 1) it->second = leaf_of(random, payload);
    if (choice == 2 && it->second.kind == Kind::file) it->second.size += 1;
    if (choice == 3 && it->second.kind == Kind::file) it->second.mtime += 1;
    if (it->second.kind == Kind::directory) it->second = edited(random, it->second);
    ++it;
  }
  if (random() % 2 == 0) node.children[name_of(random)] = tree_of(random, payload, 4);
  if (random() % 2 == 0) node.children[name_of(random)] = leaf_of(random, payload);
  return node;
}

struct Spool {
  test::TemporaryDirectory directory;
  std::shared_ptr<const Fd> file;

  explicit Spool(const std::string& bytes) {
    const std::string path = directory / "spool";
    write_file(path, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    file = std::make_shared<const Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
};

const Node* child_of(const Node* directory, const std::string& name) {
  if (directory == nullptr) return nullptr;
  const auto found = directory->children.find(name);
  return found == directory->children.end() ? nullptr : &found->second;
}

// Walks a live tree with the cursor.
class Walk {
 public:
  Walk(const Spool& spool, std::size_t size, Random& random)
      : cursor_(spool.file), size_(size), random_(random) {}

  // `old` is the reference's tree, to look everything up in; null where the reference is damaged.
  void run(const Node& live, const Node* old) {
    is_sound_ = old != nullptr;
    call([&]() -> Result<bool> {
      if (damages > 0) return false;
      const Status begun = cursor_.begin();
      return begun.ok() ? Result<bool>(true) : Result<bool>(begun.error());
    });
    visit(live, old);
    call([&] { return cursor_.leave(); });
    collect();
  }

  std::set<std::uint64_t> gone;
  std::set<std::uint64_t> met;
  std::size_t damages = 0;

 private:
  void visit(const Node& live, const Node* old) {
    for (const auto& [name, node] : live.children) {
      const Node* other = child_of(old, name);
      if (node.kind == Kind::directory) {
        if (other != nullptr && other->kind != Kind::directory) other = nullptr;
        const auto entered = call([&] { return cursor_.enter(name); });
        if (is_sound_) CHECK_EQ(entered, other != nullptr);
        visit(node, other);
        call([&] { return cursor_.leave(); });
      } else if (node.kind == Kind::file) {
        compare(name, node, other);
      }
      collect();
    }
  }

  void compare(const std::string& name, const Node& node, const Node* other) {
    const std::string body = body_of(node);
    const ByteView bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
    const auto compared = call([&] { return cursor_.compare({name, bytes, node.size}); });
    if (!is_sound_) return;
    const auto [match, payload] = compared;
    if (other == nullptr || other->kind != Kind::file) {
      const int expected =
          other == nullptr ? 0 : (other->kind == Kind::hardlink ? kMatchHardlink : kMatchOther);
      CHECK_EQ(int{match}, expected);
      return;
    }
    met.insert(payload);
    CHECK_EQ(payload, other->payload);
    CHECK((match & kMatchFile) != 0);
    CHECK_EQ((match & kMatchSize) != 0, node.size == other->size);
    CHECK_EQ((match & kMatchMtime) != 0, node.mtime == other->mtime);
    CHECK_EQ((match & kMatchMetadata) != 0, body == body_of(*other));
  }

  // Makes a call again while more of the spool arrives; damage ends the reference.
  template <typename Call>
  auto call(Call make) -> std::remove_cvref_t<decltype(make().value())> {
    for (;;) {
      auto result = make();
      if (result.ok()) return result.value();
      const std::string code = result.error().code;
      CHECK(code == "SPOOL_MORE" || code == "REFERENCE_DAMAGED");
      if (code == "SPOOL_MORE" && available_ < size_) {
        available_ = std::min<std::uint64_t>(size_, available_ + 1 + random_() % 3000);
        cursor_.set_available(available_);
        continue;
      }
      CHECK(!is_sound_);
      CHECK_EQ(++damages, 1u);
      cursor_.give_up();
    }
  }

  void collect() {
    for (const double payload : cursor_.take_gone()) {
      const bool is_new = gone.insert(static_cast<std::uint64_t>(payload)).second;
      if (is_sound_) CHECK(is_new);
    }
  }

  ReferenceCursor cursor_;
  std::uint64_t size_;
  std::uint64_t available_ = 0;
  Random& random_;
  bool is_sound_ = true;
};

void add_payloads(const Node& node, std::vector<std::uint64_t>& out) {
  for (const auto& [name, child] : node.children) {
    if (child.kind == Kind::file) out.push_back(child.payload);
    if (child.kind == Kind::directory) add_payloads(child, out);
  }
}

}  // namespace

TEST("random trees are compared as a look-up by name does, while the spool grows") {
  std::size_t compared = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    std::uint64_t payload = 0;
    const Node old = tree_of(random, payload, 0);
    const std::string bytes = encode(old, seed % 2 == 0);
    const Spool spool(bytes);
    Walk walk(spool, bytes.size(), random);
    walk.run(edited(random, old), &old);
    std::vector<std::uint64_t> all;
    add_payloads(old, all);
    for (const std::uint64_t each : all) CHECK_EQ(walk.gone.contains(each), !walk.met.contains(each));
    CHECK_EQ(walk.gone.size() + walk.met.size(), all.size());
    compared += walk.met.size();
  }
  CHECK(compared > 1000);
}

TEST("the ranges of all files are found in archive order") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    std::uint64_t payload = 0;
    const Node old = tree_of(random, payload, 0);
    const std::string bytes = encode(old, seed % 2 == 0);
    const Spool spool(bytes);
    const FileRanges ranges = file_ranges(spool.file, bytes.size());
    std::vector<std::uint64_t> all;
    add_payloads(old, all);
    CHECK_EQ(ranges.starts.size(), all.size());
    CHECK_EQ(ranges.ends.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK_EQ(ranges.starts[i], static_cast<double>(all[i]));
      CHECK(ranges.ends[i] >= ranges.starts[i] + 16);
    }
  }
}

TEST("any damage is an error of the reference, never a crash or a loop") {
  std::size_t damages = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    Random random(seed);
    std::uint64_t payload = 0;
    const Node old = tree_of(random, payload, 0);
    std::string bytes = encode(old, seed % 2 == 0);
    for (std::size_t left = 1 + random() % 3; left > 0; --left)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (seed % 3 == 0) bytes.resize(random() % bytes.size());
    const Spool spool(bytes);
    Walk walk(spool, bytes.size(), random);
    walk.run(edited(random, old), nullptr);
    damages += walk.damages;
    file_ranges(spool.file, bytes.size());
  }
  CHECK(damages > 300);
}

TEST("bytes of no archive are refused at the root, and the walk goes on without a reference") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const auto noise = test::random_bytes(random() % 5000, seed);
    const Spool spool(std::string(noise.begin(), noise.end()));
    std::uint64_t payload = 0;
    Walk walk(spool, noise.size(), random);
    walk.run(tree_of(random, payload, 0), nullptr);
    CHECK_EQ(walk.damages, 1u);
    CHECK(walk.gone.empty());
  }
}

TEST("a position to resume at is a child of an open directory, deeper ones are new") {
  Node root;
  root.kind = Kind::directory;
  Node& a = root.children["a"] = Node{.kind = Kind::directory};
  a.children["1"] = Node{.payload = 100};
  root.children["b"] = Node{.payload = 200};
  root.children["c"] = Node{.payload = 300};
  const std::string bytes = encode(root, false);
  const Spool spool(bytes);
  ReferenceCursor cursor(spool.file);
  cursor.set_available(bytes.size());
  CHECK(cursor.begin().ok());
  CHECK(cursor.enter("a").value());
  std::string c;
  pxar::put_header(c, kFilename, 2);
  c += std::string("c\0", 2);
  cursor.resume(bytes.find(c), 1);
  const std::string body = body_of(a.children["1"]);
  const ByteView view(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  CHECK_EQ(int{cursor.compare({"1", view, 0}).value().match}, 0);
  CHECK(cursor.leave().ok());
  CHECK_EQ(int{cursor.compare({"b", view, 0}).value().match}, 0);
  CHECK_EQ(cursor.compare({"c", view, 0}).value().payload, 300u);
  CHECK(cursor.leave().ok());
  CHECK(cursor.take_gone().empty());
}
