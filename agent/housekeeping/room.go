package housekeeping

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sallyport/agent/active"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
)

const (
	// leastRoom is the room in the data directory below which nothing new is planned or applied: what goes on must be able
	// to write down its end, and a state that the agent keeps must not be lost for want of it.
	leastRoom = 64 << 20
	// leastPart bounds that on small file systems: a twentieth of the whole.
	leastPart = 20
)

// Room is what is free, and how much there is at all, in bytes.
type Room struct{ Free, Total uint64 }

// RoomIn is the room in a directory's file system for who is not root.
func RoomIn(dir string) (Room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Room{}, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	size := uint64(st.Bsize) //nolint:unconvert // its type depends on the platform
	return Room{Free: st.Bavail * size, Total: st.Blocks * size}, nil
}

// LookForRoom finds out whether there is too little room, shows it, and tells people once when that begins and once when it is
// over. It ends only with half as much again, so that it does not begin and end at each file.
func (h *Housekeeper) LookForRoom(conf *active.Config) {
	dir := conf.Cfg.DataDir
	room, err := h.room(dir)
	if err != nil {
		h.faults.Set("disk", err)
		return // what is not known holds nobody up; writing shows it
	}
	least := min(leastRoom, room.Total/leastPart)
	enough := room.Free >= least
	if h.tight.Why != "" {
		enough = room.Free >= least+least/2
	}
	if enough {
		h.tight.Why = ""
		h.faults.Set("disk", nil)
	} else {
		h.tight.Why = fmt.Sprintf("only %s are free in %s; nothing new is planned or applied below %s", mebibytes(room.Free), dir, mebibytes(least))
		h.faults.Set("disk", hint.Refuse(lifecycle.RoomAdvice, "%s", h.tight.Why))
	}
	if h.tight.Told == !enough {
		return
	}
	text := "There is room in " + dir + " again: planning and applying go on."
	if !enough {
		text = "Disk nearly full: " + h.tight.Why + ". What waits stays as it is and goes on by itself when there is room. Next: " + lifecycle.RoomAdvice
	}
	note := h.ledger.Note("room", text)
	note.Mention = !enough
	if err := h.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(note) }); err != nil {
		h.journal.StoreFault(err)
		return // told when there is room for the words
	}
	h.tight.Told = !enough
	h.log.Warn("room in the data directory", "free", room.Free, "enough", enough)
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
