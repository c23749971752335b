package bench

import (
	"errors"
	"sync/atomic"
	"testing"

	"sallyport/agent"
	"sallyport/agent/agenttest"
	"sallyport/agent/journal"
	"sallyport/store"
)

// TestDeliveryIsOneChain counts the commits that the delivery to Slack costs. Each waits for the disk twice, so the end of one message
// and the beginning of the next are one: the messages of a plan (its card, its file, the card that leads to the file) need one commit
// more than they are, and not two for each.
func TestDeliveryIsOneChain(t *testing.T) {
	r, s := newInfra(t), newWorkspace(t)
	r.Commit("first", hundred())
	i := agenttest.New(t, r.config()+s.config()+"stack \"box\" {\n  dir = \"box\"\n}\n")
	d := &delivery{}
	h := &house{Installation: i, tb: t}
	h.stop = i.Start(agent.Options{Version: "bench", Executable: binary(t), Jitter: func() float64 { return 0 }, Outside: agent.Outside{
		Records: func(s *store.Store) journal.Store { return deliveryStore{s, d} },
	}}).Stop
	h.planned("box")
	h.MustDecide("box", "deny")
	h.quiet()
	ended, commits := d.ended.Load(), d.commits.Load()
	seen := r.push("next", map[string]string{"box/main.tf": resource("a", "1")})
	s.api.wait(t, seen, "chat.postMessage")
	card(t, s, h.planned("box").ID)
	h.quiet()
	h.stop()
	ended, commits = d.ended.Load()-ended, d.commits.Load()-commits
	if ended < 3 || commits != ended+1 {
		t.Errorf("%d messages took %d commits, want at least 3 messages and one commit more than there are", ended, commits)
	}
}

// delivery counts messages that left the outbox, and commits in which one left it or was begun.
type delivery struct{ ended, commits atomic.Int64 }

type deliveryStore struct {
	*store.Store
	delivery *delivery
}

func (s deliveryStore) Update(f func(*store.Tx) error) error {
	ended, begun := 0, false
	err := s.Store.Update(func(tx *store.Tx) error {
		before, err := tx.Outbox()
		if err = errors.Join(err, f(tx)); err != nil {
			return err
		}
		now, err := tx.Outbox()
		had := map[uint64]*store.Message{}
		for _, m := range before {
			had[m.Seq] = m
		}
		for _, m := range now {
			old := had[m.Seq]
			begun = begun || m.Sending && (old == nil || m.Attempts > old.Attempts)
			delete(had, m.Seq)
		}
		ended = len(had)
		return err
	})
	if err == nil && (ended > 0 || begun) {
		s.delivery.ended.Add(int64(ended))
		s.delivery.commits.Add(1)
	}
	return err
}
