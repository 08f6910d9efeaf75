#include "extract/extraction.h"

#include "extract/beneath.h"
#include "extract/directory_entry.h"
#include "extract/entry.h"

namespace restat::extract {

std::shared_ptr<Extraction> Extraction::create(Engine& engine, Options options,
                                               std::shared_ptr<ChunkSource> source, CancelToken token) {
  std::shared_ptr<Extraction> extraction(
      new Extraction(engine, std::move(options), std::move(source), std::move(token)));
  extraction->context_.owner = extraction;
  return extraction;
}

Extraction::Extraction(Engine& engine, Options options, std::shared_ptr<ChunkSource> source,
                       CancelToken token)
    : context_(engine, std::move(options), std::move(token)), payload_(context_, std::move(source)) {
  context_.kick = [this] { kick(); };
  context_.target_done = [this] {
    {
      std::lock_guard lock(mutex_);
      target_done_ = true;
    }
    kick();
  };
}

void Extraction::submit(std::vector<std::uint8_t> records, std::function<void(Status)> done) {
  if (context_.stopped()) return done(context_.stop_reason());
  if (Status status = validate_records(records); !status.ok()) return done(status);
  if (room_->waited_for())
    return done(Error::check("SUBMIT_PENDING", "the records before these are still waiting"));
  {
    std::lock_guard lock(mutex_);
    if (finishing_) return done(Error::check("FINISHED", "the extraction was finished before"));
    queue_.push_back(std::make_shared<Batch>(room_, std::move(records)));
  }
  room_->when_free([self = shared_from_this(), done = std::move(done)] {
    done(self->context_.stopped() ? Status(self->context_.stop_reason()) : Status(Unit{}));
  });
  kick();
}

void Extraction::finish(std::function<void(Result<Summary>)> done) {
  {
    std::unique_lock lock(mutex_);
    if (finishing_) {
      lock.unlock();
      return done(Error::check("FINISHED", "the extraction was finished before"));
    }
    finishing_ = true;
    finish_ = std::move(done);
  }
  kick();
}

void Extraction::abort() {
  context_.stop(Error::cancelled());
  kick();
}

Progress Extraction::progress() {
  std::shared_ptr<Directory> directory;
  Progress progress;
  {
    std::lock_guard lock(mutex_);
    directory = current_directory_;
    progress.path = current_name_;
  }
  if (directory) progress.path = directory->path(progress.path);
  progress.files = context_.report.files;
  progress.bytes = context_.report.written;
  return progress;
}

// At most one job reads records; a kick while it runs makes it look again.
void Extraction::kick() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(running_, true)) {
      again_ = true;
      return;
    }
  }
  context_.post(context_.engine.io, [this] { run(); });
}

void Extraction::run() {
  for (;;) {
    advance();
    std::lock_guard lock(mutex_);
    if (!std::exchange(again_, false)) {
      running_ = false;
      return;
    }
  }
}

void Extraction::advance() {
  for (;;) {
    if (context_.stopped()) return drain();
    if (!payload_.advance()) return;
    const Next next = next_record();
    if (next == Next::record) {
      const Record record(batch_->bytes().data() + at_);
      if (!process(record)) return;
      at_ += record.length();
      continue;
    }
    // Files in the open group hold the room that a submission waits for.
    if ((next == Next::end || room_->waited_for()) && !payload_.flush()) return;
    if (next == Next::end) {
      close_all();
      deliver();
    }
    return;
  }
}

Extraction::Next Extraction::next_record() {
  while (!batch_ || at_ >= batch_->bytes().size()) {
    batch_.reset();
    at_ = 0;
    std::lock_guard lock(mutex_);
    if (queue_.empty()) return finishing_ ? Next::end : Next::nothing;
    batch_ = std::move(queue_.front());
    queue_.pop_front();
  }
  return Next::record;
}

// False: the record has to wait for entries before it.
bool Extraction::process(const Record& record) {
  if (record.kind() == Kind::directory && record.parent() == Record::kNoParent) {
    enter_target(record);
    return true;
  }
  const std::uint32_t id = record.kind() == Kind::close ? record.id() : record.parent();
  if (open_.empty() || open_.back()->id != id) {
    context_.stop(Error::check("RECORD", "an extraction record for a directory that is not the open one"));
    return true;
  }
  if (record.kind() != Kind::close) return process_entry(record);
  release(context_, std::move(open_.back()));
  open_.pop_back();
  return true;
}

bool Extraction::process_entry(const Record& record) {
  const auto directory = open_.back();
  if (must_wait(*directory, record.name())) return false;
  if (record.kind() == Kind::file && !context_.inodes.add(record.position())) {
    context_.stop(Error::check("RECORD", "positions of files that do not increase"));
    return true;
  }
  {
    std::lock_guard lock(mutex_);
    current_directory_ = directory;
    current_name_ = record.name();
  }
  if (record.kind() == Kind::directory) {
    open_.push_back(make_directory(context_, directory, record));
    return true;
  }
  if (directory->failed) {
    skip(record);
    return true;
  }
  if (Status status = check_name(record.name()); !status.ok()) {
    if (record.kind() == Kind::file) context_.inodes.settle(record.position(), std::nullopt);
    context_.error(directory->path(record.name()), std::move(status.error()));
    return true;
  }
  if (record.kind() == Kind::file) {
    add_file(directory, record);
  } else if (record.kind() == Kind::symlink) {
    make_symlink(context_, directory, record);
  } else if (record.kind() == Kind::hardlink) {
    make_hardlink(context_, batch_, directory, record);
  } else {
    make_special(context_, directory, record);
  }
  return true;
}

// Names in ascending order, as archives hold them, are no duplicates. Any other may be one: it waits until
// those before it are there, and the file system tells.
bool Extraction::must_wait(Directory& directory, std::string_view name) {
  if (name > directory.greatest_name) {
    directory.greatest_name = name;
    return false;
  }
  if (directory.pending.load() > 1) {
    directory.waited_for.store(true);
    // What it waits for may be in the group that is open; and it may have ended before the flag was up.
    if (!payload_.flush() || directory.pending.load() > 1) return true;
  }
  directory.waited_for.store(false);
  return false;
}

void Extraction::enter_target(const Record& record) {
  if (std::exchange(has_target_, true))
    return context_.stop(Error::check("RECORD", "an extraction record for a second target"));
  auto target = open_target(context_, record);
  if (!target.ok()) {
    has_target_ = false;
    return context_.stop(std::move(target.error()));
  }
  open_.push_back(std::move(target.value()));
}

void Extraction::add_file(const std::shared_ptr<Directory>& directory, const Record& record) {
  const auto range = payload_.locate(record.payload(), record.size());
  if (!range.ok()) {
    context_.inodes.settle(record.position(), std::nullopt);
    return context_.error(directory->path(record.name()), range.error());
  }
  directory->pending.fetch_add(1);
  auto file = std::make_shared<FileTask>(context_, batch_, record, directory, range.value().count());
  payload_.add(std::move(file), range.value());
}

// An entry of a directory that could not be made.
void Extraction::skip(const Record& record) {
  ++context_.report.skipped;
  if (record.kind() == Kind::file) context_.inodes.settle(record.position(), std::nullopt);
}

void Extraction::close_all() {
  while (!open_.empty()) {
    const auto directory = std::move(open_.back());
    open_.pop_back();
    release(context_, directory);
  }
}

void Extraction::drain() {
  std::deque<std::shared_ptr<Batch>> discarded;  // gone after the lock: they may answer a submission
  {
    std::lock_guard lock(mutex_);
    discarded.swap(queue_);
  }
  discarded.clear();
  batch_.reset();
  at_ = 0;
  payload_.discard();
  close_all();
  deliver();
}

void Extraction::deliver() {
  std::function<void(Result<Summary>)> done;
  {
    std::lock_guard lock(mutex_);
    if (has_target_ && !target_done_) return;
    done = std::exchange(finish_, nullptr);
  }
  if (!done) return;
  if (!context_.stopped()) apply_last_flags(context_);
  if (context_.stopped()) return done(context_.stop_reason());
  done(context_.report.summary());
}

}  // namespace restat::extract
