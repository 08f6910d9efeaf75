// Entries that are no files and no directories: symlinks, devices, FIFOs, sockets, hard links. Failures
// become events.
#pragma once

#include <memory>

#include "extract/context.h"
#include "extract/record.h"
#include "extract/record_room.h"

namespace restat::extract {

void make_symlink(Context& context, const std::shared_ptr<Directory>& directory, const Record& record);

void make_special(Context& context, const std::shared_ptr<Directory>& directory, const Record& record);

// Links now, or when the target's content is written; until then an entry of `directory` is pending.
void make_hardlink(Context& context, std::shared_ptr<Batch> batch, std::shared_ptr<Directory> directory,
                   Record record);

}  // namespace restat::extract
