package housekeeping_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/housekeeping"
	"sallyport/agent/patience"
)

// What a plan leaves behind becomes the agent's child, and is buried when it has ended: not at the first look, at which a child of
// os/exec's would be taken from whoever waits for it.
func TestOrphansAreBuried(t *testing.T) {
	t.Parallel()
	if err := housekeeping.AdoptOrphans(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pid")
	if err := exec.Command("sh", "-c", "setsid sh -c 'echo $$ >"+file+".new && mv "+file+".new "+file+"' &").Run(); err != nil {
		t.Fatal(err)
	}
	within := time.After(patience.Limit())
	wait := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			select {
			case <-within:
				t.Fatal("never happened: ", what)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	orphan := 0
	wait("it has said its number", func() bool {
		text, _ := os.ReadFile(file)
		orphan, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return orphan > 0
	})
	log := slog.New(slog.DiscardHandler)
	seen := map[int]uint64{}
	wait("it is ours, and has ended", func() bool {
		start, ended := housekeeping.BuryOrphans(nil, log)[orphan]
		seen[orphan] = start
		return ended
	})
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", orphan)); err != nil {
		t.Fatalf("it was buried at the first look: %v", err)
	}
	if again := housekeeping.BuryOrphans(map[int]uint64{orphan: seen[orphan] + 1}, log); again[orphan] != seen[orphan] {
		t.Error("another process of that number was buried in its place")
	}
	if left := housekeeping.BuryOrphans(seen, log); left[orphan] != 0 {
		t.Error("it is to be buried once more")
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", orphan)); !os.IsNotExist(err) {
		t.Errorf("it is not buried: %v", err)
	}

	child := exec.Command("sh", "-c", "exit 7")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, child.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if housekeeping.BuryOrphans(nil, log)[child.Process.Pid] == 0 {
		t.Error("a child that has ended is not seen")
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != 7 {
		t.Errorf("a child of os/exec's was taken from it: %v", err)
	}
}
