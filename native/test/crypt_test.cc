#include <openssl/evp.h>
#include <openssl/rand.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <new>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "chunk/sha256.h"
#include "test/check.h"
#include "test/crypt_world.h"
#include "test/temporary.h"

using namespace restat;
using namespace restat::test;

namespace {

// Whether there are random bytes; asked in every encryption.
std::function<bool()> has_random = [] { return true; };

// Puts another answer in its place, as long as it lives.
struct Random {
  explicit Random(std::function<bool()> answer) : before(std::exchange(has_random, std::move(answer))) {}
  ~Random() { has_random = before; }
  std::function<bool()> before;
};

}  // namespace

// Stands before OpenSSL's, which never fails and never waits while one looks.
extern "C" int RAND_bytes(unsigned char* to, int length) {
  return has_random() ? RAND_priv_bytes(to, length) : 0;
}

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Encrypted {
  Bytes body;
  Bytes iv = Bytes(kIv);
  Bytes tag = Bytes(kTag);
};

Encrypted encrypt(const CryptKey& key, ByteView plain) {
  Encrypted out{Bytes(plain.size())};
  CHECK(key.encrypt(plain, out.body, out.iv, out.tag).ok());
  return out;
}

std::string outcome(const CryptKey& key, Encrypted encrypted) {
  return code(key.decrypt(encrypted.iv, encrypted.tag, encrypted.body));
}

// AES-256-GCM as the specification has it (indexes-blobs-chunks.md §4.1): IV of 16 bytes, no further data.
// Nothing if the tag is wrong.
std::optional<Bytes> opened(ByteView secret, const Encrypted& encrypted) {
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> gcm(EVP_CIPHER_CTX_new(),
                                                                       EVP_CIPHER_CTX_free);
  Bytes plain(encrypted.body.size() + 16), tag = encrypted.tag;
  int n = 0, rest = 0;
  CHECK_EQ(EVP_DecryptInit_ex(gcm.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr), 1);
  CHECK_EQ(EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_GCM_SET_IVLEN, 16, nullptr), 1);
  CHECK_EQ(EVP_DecryptInit_ex(gcm.get(), nullptr, nullptr, secret.data(), encrypted.iv.data()), 1);
  CHECK_EQ(EVP_DecryptUpdate(gcm.get(), plain.data(), &n, encrypted.body.data(),
                             static_cast<int>(encrypted.body.size())),
           1);
  CHECK_EQ(EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_GCM_SET_TAG, 16, tag.data()), 1);
  if (EVP_DecryptFinal_ex(gcm.get(), plain.data() + n, &rest) != 1) return std::nullopt;
  plain.resize(static_cast<std::size_t>(n + rest));
  return plain;
}

// Whether any eight bytes of `secret` stand in `memory`.
bool holds(ByteView memory, const Bytes& secret) {
  for (std::size_t at = 0; at + 8 <= secret.size(); ++at)
    if (!std::ranges::search(memory, ByteView(secret).subspan(at, 8)).empty()) return true;
  return false;
}

}  // namespace

TEST("the digest of a key is SHA-256 of the data and its id") {
  const auto key = example_key();
  for (const std::size_t length : {0, 1, 63, 64, 300000}) {
    Bytes data = random_bytes(length, 1);
    const Digest digest = key->digest(data).value();
    const Bytes id = example_id();
    data.insert(data.end(), id.begin(), id.end());
    CHECK(digest == sha256(data));
  }
}

TEST("what is encrypted is what AES-256-GCM with a long IV and no further data says it is") {
  const auto key = example_key();
  for (const std::size_t length : {0, 1, 15, 16, 1000, 300000}) {
    const Bytes plain = random_bytes(length, 2);
    Encrypted encrypted = encrypt(*key, plain);
    CHECK(opened(example_secret(), encrypted) == plain);
    encrypted.tag[15] ^= 1;
    CHECK(!opened(example_secret(), encrypted));
  }
}

TEST("data are encrypted where they are, or elsewhere") {
  const auto key = example_key();
  const Bytes plain = random_bytes(1000, 3);
  Encrypted encrypted{plain};
  CHECK(key->encrypt(encrypted.body, encrypted.body, encrypted.iv, encrypted.tag).ok());
  CHECK(encrypted.body != plain);
  CHECK(key->decrypt(encrypted.iv, encrypted.tag, encrypted.body).ok());
  CHECK(encrypted.body == plain);
}

TEST("no two encryptions share an IV, and all its 16 bytes are random") {
  const auto key = example_key();
  const Bytes plain(32, 9);
  std::set<Bytes> ivs, bodies;
  std::array<std::set<std::uint8_t>, kIv> values;
  for (int i = 0; i < 300; ++i) {
    const Encrypted encrypted = encrypt(*key, plain);
    ivs.insert(encrypted.iv);
    bodies.insert(encrypted.body);
    for (std::size_t at = 0; at < kIv; ++at) values[at].insert(encrypted.iv[at]);
  }
  CHECK_EQ(ivs.size(), 300u);
  CHECK_EQ(bodies.size(), 300u);
  for (const auto& seen : values) CHECK(seen.size() > 100);
}

TEST("without random bytes nothing is encrypted") {
  const auto key = example_key();
  const Bytes plain(32, 9);
  Encrypted out{Bytes(32)};
  const Random none([] { return false; });
  CHECK_EQ(code(key->encrypt(plain, out.body, out.iv, out.tag)), "CRYPT");
  CHECK(out.body == Bytes(32));
}

TEST("another key, or one bit that is changed in IV, tag or data, is an error") {
  const auto key = example_key();
  const Encrypted good = encrypt(*key, random_bytes(100, 4));
  CHECK_EQ(outcome(*key, good), "none");
  CHECK_EQ(outcome(*other_key(), good), "CRYPT_TAG");
  const auto changed = [&](Bytes Encrypted::*part) {
    for (std::size_t at = 0; at < (good.*part).size(); ++at) {
      Encrypted bad = good;
      (bad.*part)[at] ^= static_cast<std::uint8_t>(1 << at % 8);
      CHECK_EQ(outcome(*key, bad), "CRYPT_TAG");
    }
  };
  changed(&Encrypted::iv);
  changed(&Encrypted::tag);
  changed(&Encrypted::body);
}

TEST("a key that was wiped does nothing any more, and says why") {
  const auto key = example_key();
  const Encrypted good = encrypt(*key, Bytes(100));
  for (int i = 0; i < 2; ++i) {
    key->wipe();
    Encrypted out{Bytes(100)};
    CHECK_EQ(code(key->digest(Bytes(100))), "CRYPT_WIPED");
    CHECK_EQ(code(key->encrypt(Bytes(100, 1), out.body, out.iv, out.tag)), "CRYPT_WIPED");
    CHECK(out.body == Bytes(100) && out.iv == Bytes(kIv) && out.tag == Bytes(kTag));
    CHECK_EQ(outcome(*key, good), "CRYPT_WIPED");
  }
}

TEST("nothing of a key stays in memory when it was wiped, or is gone") {
  for (const bool wiped : {true, false}) {
    alignas(CryptKey) std::array<std::uint8_t, sizeof(CryptKey)> memory{};
    auto* const key = new (memory.data()) CryptKey(example_secret(), example_id());
    CHECK(holds(memory, example_secret()) && holds(memory, example_id()));
    if (wiped) key->wipe();
    if (wiped) CHECK(!holds(memory, example_secret()) && !holds(memory, example_id()));
    key->~CryptKey();
    CHECK(!holds(memory, example_secret()) && !holds(memory, example_id()));
  }
}

TEST("a key that is wiped waits for the call that uses it, and refuses those that come later") {
  const auto key = example_key();
  std::promise<void> inside, go;
  const Random held([&] {
    inside.set_value();
    go.get_future().wait();
    return true;
  });
  const Bytes plain = random_bytes(1000, 6);
  auto encrypting = std::async(std::launch::async, [&] { return encrypt(*key, plain); });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const bool uses = inside.get_future().wait_until(end) == std::future_status::ready;
  std::atomic<bool> wiped = false;
  std::jthread wiping([&] {
    key->wipe();
    wiped = true;
  });
  bool refused = false;
  while (!refused && std::chrono::steady_clock::now() < end) refused = !key->digest(plain).ok();
  const bool waits = !wiped;
  go.set_value();
  CHECK(uses);
  CHECK(refused);
  CHECK(waits);
  CHECK(opened(example_secret(), encrypting.get()) == plain);
}

TEST("what threads ask of a key while it is wiped is right, or refused") {
  const auto key = example_key();
  const auto same = example_key();
  const Bytes plain = random_bytes(100000, 5);
  const Digest digest = key->digest(plain).value();
  constexpr int kThreads = 4;
  constexpr int kRounds = 20000;  // how long they would go on
  std::atomic<int> running = 0, right = 0, refused = 0;
  const auto use = [&] {
    Encrypted out{Bytes(plain.size())};
    for (int round = 0; round < kRounds; ++round) {
      const auto named = key->digest(plain);
      const auto done = key->encrypt(plain, out.body, out.iv, out.tag);
      if (round == 0) ++running;
      if (named.ok() && done.ok() && named.value() == digest) continue;
      if (code(named) != "CRYPT_WIPED" && (!named.ok() || named.value() != digest)) return;
      if (code(done) == "CRYPT_WIPED") ++refused;
      break;
    }
    // What was encrypted last, before it or while it was wiped, is whole.
    if (code(same->decrypt(out.iv, out.tag, out.body)) == "none" && out.body == plain) ++right;
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(use);
    while (running < kThreads) std::this_thread::yield();
    key->wipe();
    CHECK_EQ(code(key->digest(plain)), "CRYPT_WIPED");
  }
  CHECK_EQ(refused.load(), kThreads);
  CHECK_EQ(right.load(), kThreads);
}
