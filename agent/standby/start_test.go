package standby_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/hint"
	"sallyport/agent/patience"
	"sallyport/agent/standby"
	"sallyport/agent/standby/standbytest"
	"sallyport/store"
)

// alone writes to the store of an agent that was never one of several.
func alone(t *testing.T, path, text string) {
	t.Helper()
	s, err := store.Open(store.Options{Path: path})
	if err == nil {
		err = s.Update(func(tx *store.Tx) error { return tx.PutSetting("note", text) })
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stops ends a member and its store, as a restart does.
func (m *member) stops() {
	m.t.Helper()
	if err := errors.Join(m.Close(m.t.Context()), m.store.Close()); err != nil {
		m.t.Fatal(err)
	}
}

// copyOf writes a member's store to another file.
func copyOf(t *testing.T, m *member, to string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.store.WriteTo(io.Writer(f))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Whatever a store is when its agent starts, it follows, or a person is told what to do. "a" leads all the time, after "first", "second".
func TestHowAStoreBegins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(t *testing.T, c *standbytest.Cluster, a *member, path string) // before a has written "third"
		then    func(t *testing.T, c *standbytest.Cluster)                         // after that
		want    error
		text    string
	}{
		{name: "empty", prepare: func(*testing.T, *standbytest.Cluster, *member, string) {}},
		{name: "behind", prepare: func(t *testing.T, _ *standbytest.Cluster, a *member, path string) { copyOf(t, a, path) }},
		{
			name:    "so far behind that the log does not go back to it, and no copy either",
			prepare: func(t *testing.T, _ *standbytest.Cluster, a *member, path string) { copyOf(t, a, path) },
			then: func(t *testing.T, c *standbytest.Cluster) {
				do(t, c, clientv3.OpDelete(keys().Log(3)))
			},
			text: "the log in etcd does not hold entry 3, and no copy of the whole store is newer",
		},
		{
			name:    "with a past of its own",
			prepare: func(t *testing.T, _ *standbytest.Cluster, _ *member, path string) { alone(t, path, "mine") },
			want:    standby.ErrForeign, text: "the store has a past of its own",
		},
		{
			name: "of another life",
			prepare: func(t *testing.T, _ *standbytest.Cluster, _ *member, path string) {
				alone(t, path, "mine")
				s, err := store.Open(store.Options{Path: path, Fenced: true})
				if err == nil {
					_, err = s.Found()
				}
				if err := errors.Join(err, s.Close()); err != nil {
					t.Fatal(err)
				}
			},
			want: standby.ErrForeign, text: "the store is of life",
		},
		{
			name: "ahead, since etcd was put back to an older backup",
			prepare: func(t *testing.T, c *standbytest.Cluster, a *member, path string) {
				older := do(t, c, clientv3.OpGet(keys().Head())).Responses[0].GetResponseRange().Kvs[0].Value
				if err := a.writes("what the backup has not"); err != nil {
					t.Fatal(err)
				}
				copyOf(t, a, path)
				do(t, c, clientv3.OpPut(keys().Head(), string(older)), clientv3.OpDelete(keys().Log(3)))
			},
			want: standby.ErrAhead, text: "the store has 3 entries, and etcd 2",
		},
		{
			name: "parted, since etcd was put back and others went on from there",
			prepare: func(t *testing.T, c *standbytest.Cluster, a *member, path string) {
				copyOf(t, a, path)
				s, err := store.Open(store.Options{Path: path, Fenced: true})
				if err == nil {
					err = s.Replicate(store.Leader{Term: 99, Record: func([]byte, store.Head) error { return nil }})
				}
				if err == nil {
					err = s.Update(func(tx *store.Tx) error { return tx.PutSetting("note", "what nobody else knows") })
				}
				if err := errors.Join(err, s.Close()); err != nil {
					t.Fatal(err)
				}
			},
			want: standby.ErrAhead, text: "entry 3 is another one there",
		},
		{
			name: "parted long ago",
			prepare: func(t *testing.T, c *standbytest.Cluster, a *member, path string) {
				copyOf(t, a, path)
				s, err := store.Open(store.Options{Path: path, Fenced: true})
				if err == nil {
					err = s.Replicate(store.Leader{Term: 99, Record: func([]byte, store.Head) error { return nil }})
				}
				if err == nil {
					err = s.Update(func(tx *store.Tx) error { return tx.PutSetting("note", "what nobody else knows") })
				}
				if err := errors.Join(err, s.Close(), a.writes("and one more")); err != nil {
					t.Fatal(err)
				}
			},
			want: standby.ErrAhead, text: "after another entry 3 than the store has",
		},
		{
			name:    "before a prefix that is empty, though the store is of a life",
			prepare: func(t *testing.T, _ *standbytest.Cluster, a *member, path string) { copyOf(t, a, path) },
			then: func(t *testing.T, c *standbytest.Cluster) {
				do(t, c, clientv3.OpDelete("/test/", clientv3.WithPrefix()))
			},
			want: standby.ErrForeign, text: "the prefix /test is empty, and the store has 2 entries of life",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := standbytest.Start(t, standbytest.Options{Members: 1})
			a := on(t, c, "a", long)
			a.leads()
			b := &member{t: t, host: c.Host("b"), path: filepath.Join(t.TempDir(), "b.db")}
			if err := errors.Join(a.writes("first"), a.writes("second")); err != nil {
				t.Fatal(err)
			}
			tt.prepare(t, c, a, b.path)
			third := a.writes("third") // refused where etcd was put back
			if tt.then != nil {
				tt.then(t, c)
			}
			b.open(long)
			if tt.text == "" {
				b.campaigns()
				eventually(t, "b has all of it", func() bool { return third == nil && b.says() == "third" && b.head() == a.head() })
				return
			}
			before := b.head()
			ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
			defer cancel()
			ended := make(chan error, 1)
			go func() { _, err := b.Campaign(ctx); ended <- err }()
			var err error
			if tt.want != nil {
				if err = <-ended; !errors.Is(err, tt.want) || hint.Of(err) == "" {
					t.Fatalf("it was told %v, with hint %q", err, hint.Of(err))
				}
			} else {
				eventually(t, "b says what it lacks", func() bool {
					err = b.View().Err
					return err != nil && strings.Contains(err.Error(), tt.text)
				})
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("it was told %v", err)
			}
			if b.head() != before {
				t.Errorf("it stands at %v, and stood at %v", b.head(), before)
			}
		})
	}
}

// What one agent had alone becomes what all have.
func TestTheFirstStoreIsWhatAllBeginWith(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a := &member{t: t, host: c.Host("a"), path: filepath.Join(t.TempDir(), "a.db")}
	alone(t, a.path, "from when it was alone")
	a.open(long)
	a.leads()
	b := on(t, c, "b", long)
	b.campaigns()
	eventually(t, "b has it", func() bool { return b.says() == "from when it was alone" && b.head() == a.head() })
}

// An agent that is started again goes on, also alone; and one that died between making a life and telling etcd makes another.
func TestAgentsThatStartAgain(t *testing.T) {
	t.Parallel()
	c := standbytest.Start(t, standbytest.Options{Members: 1})
	a := &member{t: t, host: c.Host("a"), path: filepath.Join(t.TempDir(), "a.db")}
	alone(t, a.path, "kept")
	s, err := store.Open(store.Options{Path: a.path, Fenced: true})
	if err == nil {
		_, err = s.Found()
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a.open(long)
		a.leads()
		before := a.head().Number
		if err := a.writes(a.says() + "+"); err != nil {
			t.Fatal(err)
		}
		if a.head().Number != before+1 {
			t.Fatalf("after entry %d comes %d", before, a.head().Number)
		}
		a.stops()
	}
	a.open(long)
	if a.leads(); a.says() != "kept+++" {
		t.Errorf("it says %q", a.says())
	}
}
