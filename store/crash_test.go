package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/store"
)

// writeForever makes runs and moves them, and prints each number and status once Update has acknowledged it.
func writeForever(path string) error {
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		var run *store.Run
		err := s.Update(func(tx *store.Tx) error {
			stack := "stack-" + strconv.Itoa(n%7)
			st, err := tx.Stack(stack)
			if err != nil {
				return err
			}
			if st.OpenRun == 0 {
				run = &store.Run{Stack: stack, Kind: store.KindCommit, Subject: strings.Repeat("x", n%3000)}
				if err := tx.CreateRun(run); err != nil {
					return err
				}
				return tx.Enqueue(store.Message{Kind: store.MessageCard, Key: fmt.Sprintf("card/%d", run.ID), Run: run.ID})
			}
			old, err := tx.Run(st.OpenRun)
			if err != nil {
				return err
			}
			to := store.Transitions()[old.Status]
			run, err = tx.Transition(old.ID, store.Move{From: old.Status, To: to[n%len(to)]}, nil)
			if err != nil {
				return err
			}
			return tx.PutPlanText(run.ID, strings.Repeat("plan ", n%5000))
		})
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", run.ID, run.Status)
	}
}

// TestKillCreating kills the process that makes the store: the next one gets a whole store.
func TestKillCreating(t *testing.T) {
	kills := 40
	if testing.Short() {
		kills = 10
	}
	for n := range kills {
		path := filepath.Join(t.TempDir(), "state.db")
		c := startChild(t, "write", path)
		<-time.After(time.Duration(n) * 500 * time.Microsecond) // a process takes some ms to start
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		acknowledged := map[int]store.Status{}
		for c.out.Scan() {
			acknowledge(t, acknowledged, c.out.Text())
		}
		_ = c.cmd.Wait() // it was killed
		verify(t, path, acknowledged)
		if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the half-made store is still there: %v", err)
		}
	}
}

// TestKill kills a writer at random moments: what it acknowledged is there, and nothing is broken.
func TestKill(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "state.db")
	acknowledged := map[int]store.Status{}
	for range kills {
		c := startChild(t, "write", path)
		// Sometimes at once, while the file is being opened; else after a number of writes, and a bit into the next.
		want := random.IntN(60)
		time.AfterFunc(3*time.Minute, func() { _ = c.cmd.Process.Kill() })
		for n := 0; n < want && c.out.Scan(); n++ {
			acknowledge(t, acknowledged, c.out.Text())
		}
		<-time.After(time.Duration(random.IntN(3000)) * time.Microsecond)
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.out.Scan() { // what it still had to say
			acknowledge(t, acknowledged, c.out.Text())
		}
		if err := c.cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child ended by itself: %v", err)
		}
		verify(t, path, acknowledged)
	}
	t.Logf("%d runs acknowledged in %d lives", len(acknowledged), kills)
	if len(acknowledged) == 0 {
		t.Error("nothing was acknowledged: the test tests nothing")
	}
}

func acknowledge(t *testing.T, acknowledged map[int]store.Status, line string) {
	t.Helper()
	number, status, ok := strings.Cut(line, " ")
	run, err := strconv.Atoi(number)
	if !ok || err != nil {
		t.Fatalf("the child says %q", line)
	}
	acknowledged[run] = store.Status(status)
}

// verify looks for every acknowledged run. One write more than was acknowledged may have been done.
func verify(t *testing.T, path string, acknowledged map[int]store.Status) {
	t.Helper()
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	ahead := 0
	view(t, s, func(tx *store.Tx) error {
		for id, want := range acknowledged {
			run, err := tx.Run(id)
			if err != nil {
				t.Fatalf("acknowledged run #%d is lost: %v", id, err)
			}
			if run.Status == want {
				continue
			}
			if ahead++; !store.Allowed(want, run.Status) {
				t.Fatalf("run #%d was acknowledged as %s and is %s", id, want, run.Status)
			}
			acknowledged[id] = run.Status
		}
		return nil
	})
	if ahead > 1 {
		t.Fatalf("%d runs are ahead of what was acknowledged", ahead)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(path); err != nil {
		t.Fatal(err)
	}
}
