package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/tftest"
)

const (
	bigProvider   = 100 << 20 // bytes beside a provider's program, as large as those of clouds
	coldStacks    = 50
	pinnedModules = 10
)

// bigProviders are providers of [bigProvider] at a registry of this machine.
func bigProviders(tb testing.TB, names ...string) *tftest.NetworkMirror {
	tb.Helper()
	program := tftest.Providers(tb)[0].Program
	var packages []tftest.Package
	for _, name := range names {
		packages = append(packages, tftest.Package{Address: "acme/" + name, Version: "1.0.0", Program: program, Padding: bigProvider})
	}
	return tftest.NewNetworkMirror(tb, packages...)
}

// usingProviders is the configuration of a root with a file of each provider.
func usingProviders(dir, content string, names ...string) string {
	var required, resources strings.Builder
	for _, name := range names {
		fmt.Fprintf(&required, "    %[1]s = {\n      source  = \"acme/%[1]s\"\n      version = \"1.0.0\"\n    }\n", name)
		fmt.Fprintf(&resources, "resource \"local_file\" %[1]q {\n  provider = %[1]s\n  filename = %[2]q\n  content  = %[3]q\n}\n", name, filepath.Join(dir, name), content)
	}
	return "terraform {\n  required_providers {\n" + required.String() + "  }\n}\n" + resources.String()
}

// sources lets terraform take providers from a mirror: what the agent's configuration says of it, and what a stack's.
func sources(m *tftest.NetworkMirror) (agents, stacks string) {
	return fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", m.CLIConfig), fmt.Sprintf("  env = { SSL_CERT_FILE = %q }\n", m.CAFile)
}

// BenchmarkColdProvider is 50 stacks that are seen for the first time, with a provider of 100 MB that nobody has fetched yet, with a lock
// file and without one.
//
//	downloads  of the provider. The target is one
//	failures   of plans. The target is none
func BenchmarkColdProvider(b *testing.B) {
	for _, locked := range []bool{true, false} {
		name := "locked"
		if !locked {
			name = "unlocked"
		}
		b.Run(name, func(b *testing.B) {
			m := bigProviders(b, "big")
			agents, stacks := sources(m)
			text := usingProviders(b.TempDir(), "x", "big")
			lock := ""
			if locked {
				lock = lockOf(b, m, text)
			}
			var took samples
			downloads, failures := 0, 0
			for b.Loop() {
				r := newInfra(b)
				files := map[string]string{}
				for n := range coldStacks {
					files[fmt.Sprintf("roots/r%02d/main.tf", n)] = text
					if locked {
						files[fmt.Sprintf("roots/r%02d/%s", n, cache.LockFile)] = lock
					}
				}
				r.Commit("first", files)
				before := m.Downloads.Load()
				began := time.Now()
				h := newHouse(b, r.config()+agents+"stacks \"roots/*\" {\n"+stacks+"}\n")
				h.allPlanned(coldStacks)
				took.add(time.Since(began))
				downloads += int(m.Downloads.Load() - before)
				failures += strings.Count(h.Logged(), "an error that may pass")
				h.stop()
				h.Remove()
			}
			against(b, float64(downloads)/float64(len(took)), 1, "downloads")
			against(b, float64(failures), 0, "failures")
			took.report(b, "agent-ms")
			noTime(b)
		})
	}
}

// lockOf is the lock file that an init of a root makes.
func lockOf(tb testing.TB, m *tftest.NetworkMirror, text string) string {
	tb.Helper()
	dir := tb.TempDir()
	write(tb, filepath.Join(dir, "main.tf"), text, 0o644)
	tftest.Run(tb, dir, append(tftest.Environment(tb, m.CLIConfig), "SSL_CERT_FILE="+m.CAFile), "init")
	lock, err := os.ReadFile(filepath.Join(dir, cache.LockFile))
	must(tb, err)
	return string(lock)
}

// BenchmarkSecondPlan is the next commit of a root with ten pinned modules of a git repository and three providers of 100 MB each, all in
// its lock file: from the moment when a poll has told the agent of it until the plan was told to people. Bare terraform plans the same in
// turn, in a fresh checkout, and in the directory of its last plan, where its init finds everything.
//
//	agent-ms  the agent's; the git server's time for the fetch is subtracted
//	bare-ms   bare terraform's in its last directory
//	fresh-ms  bare terraform's in a fresh one
//	ratio, fresh-ratio  the agent's through theirs
func BenchmarkSecondPlan(b *testing.B) {
	names := []string{"one", "two", "three"}
	m := bigProviders(b, names...)
	agents, stacks := sources(m)
	modules := gittest.NewRepo(b, "", "modules")
	files := map[string]string{}
	for n := range pinnedModules {
		files[fmt.Sprintf("m%d/main.tf", n)] = "variable \"turn\" {}\n" + strings.Replace(resource("a", "x"), `"x"`, "var.turn", 1)
	}
	modules.Commit("ten modules", files)
	modules.Git("tag", "v1.0.0")
	modules.Git("push", "-q", "origin", "v1.0.0")
	out := b.TempDir()
	root := func(turn int) string {
		text := usingProviders(out, fmt.Sprint(turn), names...)
		for n := range pinnedModules {
			text += fmt.Sprintf("module \"m%[1]d\" {\n  source = \"git::file://%[2]s//m%[1]d?ref=v1.0.0\"\n  turn   = %[3]d\n}\n", n, modules.Bare, turn)
		}
		return text
	}
	lock := lockOf(b, m, usingProviders(out, "x", names...))
	r := newInfra(b)
	r.Commit("first", map[string]string{"box/main.tf": root(0), "box/" + cache.LockFile: lock})
	h := newHouse(b, r.config()+agents+"stack \"box\" {\n  dir = \"box\"\n"+stacks+"}\n")
	h.planned("box")
	alone := newBare(b)
	alone.env = append(alone.env, "TF_CLI_CONFIG_FILE="+m.CLIConfig, "SSL_CERT_FILE="+m.CAFile)
	in := func(dir string, turn int) time.Duration {
		write(b, filepath.Join(dir, "main.tf"), root(turn), 0o644)
		write(b, filepath.Join(dir, cache.LockFile), lock, 0o644)
		start := time.Now()
		must(b, alone.planOne(dir))
		return time.Since(start)
	}
	last := b.TempDir()
	in(last, 0)
	var own, bareTime, fresh, ratios, freshRatios samples
	n := 0
	for b.Loop() {
		h.MustDecide("box", "deny")
		h.quiet()
		n++
		bareTime.add(in(last, n))
		dir := b.TempDir()
		fresh.add(in(dir, n))
		must(b, os.RemoveAll(dir))
		seen := r.push("next", map[string]string{"box/main.tf": root(n)})
		told := h.waitNotices(seen, 1, func(text string) bool { return strings.Contains(text, "13 to create") })
		own.add(told.Sub(seen) - r.git.busy(seen, told, "/info/refs", "/git-upload-pack"))
		ratios = append(ratios, own[len(own)-1]*1000/bareTime[len(bareTime)-1])
		freshRatios = append(freshRatios, own[len(own)-1]*1000/fresh[len(fresh)-1])
		h.planned("box")
	}
	own.report(b, "agent-ms")
	bareTime.report(b, "bare-ms")
	fresh.report(b, "fresh-ms")
	against(b, float64(ratios.median())/1000, 0.7, "ratio")
	b.ReportMetric(float64(freshRatios.median())/1000, "fresh-ratio")
	disk(b)
	noTime(b)
}
