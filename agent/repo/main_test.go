package repo_test

import (
	"flag"
	"os"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/pack"
)

// TestMain makes the test binary also the process that unpacks, as the real binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		misbehave(os.Args[0])
		code := repo.Main(os.Args[2:])
		if os.Args[0] == "late" {
			code = 66 // the race detector's
		}
		need.Exit(code)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		// Most of a test is waiting: for git, for the process that unpacks, for a server that is silent.
		if err := f.Value.Set("4"); err != nil {
			panic(err)
		}
	}
	os.Exit(need.Main(m))
}

// misbehave makes a child die that was started under the name of a death.
func misbehave(name string) {
	switch name {
	case "panic":
		go panic("in a goroutine that nobody can catch")
		select {}
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "memory":
		if err := pack.LimitMemory(100 << 20); err != nil {
			panic(err)
		}
		for held := [][]byte{}; ; {
			b := make([]byte, 16<<20)
			for i := range b {
				b[i] = 1
			}
			if held = append(held, b); len(held) > 1000 {
				panic("nothing limits this process")
			}
		}
	}
}
