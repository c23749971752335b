package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/agent/need"
)

// versions builds two versions of the program.
func versions(t *testing.T) (older, newer string) {
	t.Helper()
	var files []string
	for _, version := range []string{"1.0.0-old", "1.1.0-new"} {
		file, err := build("sallyport-"+version, "-ldflags", "-X main.version="+version)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files[0], files[1]
}

// install puts a program in the place of another, as an upgrade does: never open for writing, never half there.
func install(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	program(t, to+".new", data)
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

// A new version of the program takes over the apply that the old one started, and tells its end.
func TestUpgradeWhileApplying(t *testing.T) {
	t.Parallel()
	need.Long(t, "it builds two more binaries")
	older, newer := versions(t)
	for name, sig := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, s, o, gate := newInfra(t), newWorkspace(t), newOracle(t), t.TempDir()
			i.Commit("Add the box", map[string]string{"box/main.tf": gated(gate)})
			h := newHouse(t, i.box()+asking(s)+o.block(), slackEnv)
			h.binary = h.Path("sallyport")
			install(t, older, h.binary)
			h.start()
			m := card(t, s, 1)
			s.Reply(jane, ops, m.TS, "approve")
			h.written(filepath.Join(gate, "ran"))
			h.signal(sig)
			h.end()
			install(t, newer, h.binary)
			h.start()
			if v := h.status().Agent.Version; v != "1.1.0-new" {
				t.Errorf("version %s answers", v)
			}
			h.reaches("1", "applying")
			open(t, gate)
			h.reaches("1", "applied")
			replied(t, s, m.TS, "is applied")
			if n := len(o.applies()); n != 1 {
				t.Errorf("%d applies were started", n)
			}
		})
	}
}

// The program is replaced while the agent runs on: its applies are run by its own version, not by what lies there now.
func TestBinaryIsReplacedUnderTheAgent(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	program := h.binary
	h.binary = h.Path("sallyport")
	install(t, program, h.binary)
	h.start()
	m := card(t, s, 1)
	install(t, write(t, h.Path("broken"), "#!/bin/sh\nexit 1\n"), h.binary)
	h.binary = program
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
}
