#include "chunk/known_digests.h"

#include <bit>
#include <random>
#include <utility>

#include "chunk/index_entries.h"

namespace restat {
namespace {

constexpr std::size_t kFirstSlots = 1024;

std::uint64_t random_word(std::random_device& device) {
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

KnownDigests::KnownDigests() : digests_(kFirstSlots), states_(kFirstSlots, Known::no) {
  std::random_device device;
  key_ = {random_word(device), random_word(device)};
}

void KnownDigests::add(const Digest& digest, Known known) {
  if (4 * (count_ + 1) > 3 * states_.size()) resize(2 * states_.size());
  const std::size_t at = slot(digest);
  if (states_[at] == Known::no) {
    digests_[at] = digest;
    ++count_;
  }
  if (states_[at] == Known::no || known == Known::confirmed) states_[at] = known;
}

Status KnownDigests::add_entries(ByteView entries) {
  if (entries.size() % kIndexEntry != 0)
    return Error::check("INDEX_ENTRIES", "the index entries are not a multiple of 40 bytes");
  reserve(entries.size() / kIndexEntry);
  for (; !entries.empty(); entries = entries.subspan(kIndexEntry))
    add(digest_of(entries.subspan(kIndexEntryDigest)), Known::registered);
  return Unit{};
}

void KnownDigests::doubt(const Digest& digest) {
  const std::size_t at = slot(digest);
  if (states_[at] != Known::no) states_[at] = Known::doubted;
}

void KnownDigests::reserve(std::size_t more) {
  const std::size_t slots = std::bit_ceil((count_ + more) * 4 / 3 + 1);
  if (slots > states_.size()) resize(slots);
}

std::size_t KnownDigests::slot(const Digest& digest) const {
  const std::size_t mask = states_.size() - 1;
  std::size_t at = siphash24(key_, digest) & mask;
  while (states_[at] != Known::no && digests_[at] != digest) at = (at + 1) & mask;
  return at;
}

void KnownDigests::resize(std::size_t slots) {
  const auto digests = std::exchange(digests_, std::vector<Digest>(slots));
  const auto states = std::exchange(states_, std::vector<Known>(slots, Known::no));
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] == Known::no) continue;
    const std::size_t at = slot(digests[i]);
    digests_[at] = digests[i];
    states_[at] = states[i];
  }
}

}  // namespace restat
