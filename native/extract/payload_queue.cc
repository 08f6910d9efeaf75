#include "extract/payload_queue.h"

#include <algorithm>

namespace restat::extract {

Result<ChunkRange> PayloadQueue::locate(std::uint64_t payload, std::uint64_t size) const {
  const std::size_t count = source_ ? source_->count() : 0;
  const std::uint64_t end = count > 0 ? source_->end(count - 1) : 0;
  if (end < FileTask::kHeader || payload > end - FileTask::kHeader ||
      size > end - FileTask::kHeader - payload)
    return Error::check("PAYLOAD_RANGE", "the content lies beyond the end of the payload stream");
  const ChunkRange range{source_->find(payload), source_->find(payload + FileTask::kHeader + size - 1)};
  if (range.first >= count || range.last >= count || range.last < range.first)
    return Error::check("PAYLOAD_RANGE", "the payload index has no chunk for the content");
  return range;
}

void PayloadQueue::add(std::shared_ptr<FileTask> file, ChunkRange range) {
  if (range.first != range.last) file->open();
  Cursor cursor{std::move(file), range.first, range.last};
  if (range.count() > kLongChunks) {
    long_.push_back(std::move(cursor));
  } else {
    cursor_ = std::move(cursor);
  }
}

bool PayloadQueue::advance() {
  while (cursor_) {
    if (cursor_->file->failed()) {
      abandon(*std::exchange(cursor_, std::nullopt));
      break;
    }
    const std::size_t chunk = cursor_->next;
    if (open_ && open_->chunk != chunk && !start_open()) return false;
    if (!open_) open_ = group_of(chunk);
    open_->files.push_back(cursor_->file);
    if (cursor_->next++ == cursor_->last) cursor_.reset();
  }
  do {
    if (!place_long()) return long_.size() < kLongFiles;
  } while (long_.size() >= kLongFiles);
  return true;
}

bool PayloadQueue::flush() {
  while (!long_.empty())
    if (!place_long()) return false;
  return start_open();
}

std::shared_ptr<PayloadQueue::Group> PayloadQueue::group_of(std::size_t chunk) const {
  auto group = std::make_shared<Group>();
  group->chunk = chunk;
  group->start = source_->start(chunk);
  group->size = source_->end(chunk) - group->start;
  return group;
}

// Places the next chunk of the long file whose turn it is. False: no room now.
bool PayloadQueue::place_long() {
  if (long_.empty()) return true;
  Cursor& cursor = long_.front();
  const bool failed = cursor.file->failed();
  if (!failed && open_ && open_->chunk == cursor.next) {
    open_->files.push_back(cursor.file);
  } else if (!failed) {
    const auto group = group_of(cursor.next);
    group->files.push_back(cursor.file);
    if (!start(group)) return false;
  }
  Cursor rest = std::move(cursor);
  long_.pop_front();
  if (failed) {
    abandon(rest);
  } else if (rest.next++ != rest.last) {
    long_.push_back(std::move(rest));
  }
  return true;
}

bool PayloadQueue::start_open() {
  if (open_ && !start(open_)) return false;
  open_.reset();
  return true;
}

// False: no room now.
bool PayloadQueue::start(const std::shared_ptr<Group>& group) {
  {
    std::lock_guard lock(mutex_);
    if (groups_in_flight_ > 0 &&
        (groups_in_flight_ >= kMaxGroups || group->size > kMaxBytes - std::min(bytes_in_flight_, kMaxBytes)))
      return false;
    ++groups_in_flight_;
    bytes_in_flight_ += group->size;
  }
  context_.post(context_.engine.cpu, [this, group] { load(group); });
  return true;
}

void PayloadQueue::discard() {
  if (cursor_) abandon(*std::exchange(cursor_, std::nullopt));
  for (const Cursor& rest : std::exchange(long_, {})) abandon(rest);
  if (!open_) return;
  const auto group = std::exchange(open_, nullptr);
  for (const auto& file : group->files) {
    file->fail(Error::cancelled());
    file->pieces_done(1);
  }
}

void PayloadQueue::abandon(const Cursor& rest) {
  rest.file->fail(Error::cancelled());
  rest.file->pieces_done(rest.last - rest.next + 1);
}

void PayloadQueue::load(const std::shared_ptr<Group>& group) {
  group->left = group->files.size();
  if (context_.stopped()) return fail_all(*group, Error::cancelled());
  auto data = source_->load(group->chunk, context_.token);
  if (!data.ok()) return fail_all(*group, std::move(data.error()));
  if (data.value()->size() != group->size)
    return fail_all(*group, Error::check("CHUNK_CORRUPT", "its length is not what the index says"));
  group->data = std::move(data.value());
  const std::size_t files = group->files.size();
  for (std::size_t from = 0; from < files; from += kFilesPerJob) {
    const std::size_t to = std::min(files, from + kFilesPerJob);
    context_.post(context_.engine.io, [this, group, from, to] { write_files(*group, from, to); });
  }
}

void PayloadQueue::fail_all(Group& group, Error error) {
  const std::string chunk = "chunk " + std::to_string(group.chunk) + " of the payload";
  if (error.number != 0) {
    error.path = chunk + (error.path.empty() ? "" : ": " + error.path);
  } else {
    error.message = chunk + ": " + error.message;
  }
  for (const auto& file : group.files) {
    file->fail(error);
    file->pieces_done(1);
  }
  finished(group);
}

void PayloadQueue::write_files(Group& group, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    const auto file = std::move(group.files[i]);
    file->write(*group.data, group.start);
    file->pieces_done(1);
  }
  if (group.left.fetch_sub(to - from) == to - from) finished(group);
}

void PayloadQueue::finished(Group& group) {
  group.data.reset();
  {
    std::lock_guard lock(mutex_);
    --groups_in_flight_;
    bytes_in_flight_ -= group.size;
  }
  context_.kick();
}

}  // namespace restat::extract
