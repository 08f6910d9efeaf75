#include "scan/whole.h"

#include <algorithm>

namespace restat {
namespace {

bool has_any(const Listing& listing, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const std::string& name) { return listing.has(name); });
}

}  // namespace

Result<WholeDirectory> scan_whole(Tree& tree, std::uint32_t directory, std::uint32_t limit,
                                  const std::vector<std::string>& only_list, const AttributeOptions& options,
                                  const CancelToken& token) {
  auto listing = list_directory(tree, directory, limit, token);
  if (!listing.ok()) return listing.error();
  WholeDirectory out{std::move(listing.value()), {}, {}};
  const std::uint32_t count = out.listing.count();
  if (count == 0 || count > kWholeEntries || has_any(out.listing, only_list)) return out;
  auto fd = tree.directory(directory);
  if (!fd.ok()) return fd.error();
  out.stats.reserve(count);
  std::string scratch;
  for (std::uint32_t i = 0; i < count; ++i)
    out.stats.push_back(stat_entry(fd.value()->get(), out.listing, i, scratch));
  if (token.is_set()) return Error::cancelled();
  if (std::ranges::any_of(out.stats, [](const StatRecord& record) { return record.error != 0; })) return out;
  auto description = describe_directory(fd.value()->get(), out.listing, out.stats, options);
  if (!description.ok()) return description.error();
  out.description = std::move(description.value());
  return out;
}

}  // namespace restat
