// File attributes of an open file: chattr flags, FAT attributes, the project id (pxar.md §3.5, §3.13).
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"

namespace restat::extract {

// When a stored flag is set.
enum class FlagStage {
  before_data,  // noatime, compressed, nocow, nocomp, projinherit: what the content depends on
  after_data,   // nodump, dirsync, sync
  last,         // immutable, append-only: when nothing has to be done to the inode any more
};

// The part of a stored flag word that belongs to the stage.
std::uint64_t flags_of(FlagStage stage, std::uint64_t flags);

// Adds stored chattr flags to those the file has. What the file system does not know is left out and makes
// the result Error FLAG_UNSUPPORTED (the others are set); any other failure is a system error.
Status add_flags(int fd, std::uint64_t flags);

// Sets hidden, system and archive on a file system that has them; error as with add_flags.
Status add_fat_attributes(int fd, std::uint64_t flags);

// Error PROJECT_UNSUPPORTED where the file system has no project ids.
Status set_project(int fd, std::uint32_t project);

}  // namespace restat::extract
