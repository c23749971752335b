package agent_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unguarded are the goroutines in which a panic may end the process, by the function that starts them, and why.
var unguarded = map[string]string{
	"agent/contain.Go":                    "it is the guard",
	"agent/runner.spawn":                  "it calls nothing but the Wait of os/exec",
	"agent/runner.wait":                   "the runner's own process: its death is an apply whose end nobody saw, which is told and never repeated",
	"agent/runner.Main":                   "the runner's own process, after the end was written down",
	"agent/runner/among.":                 "the runner's own process: its death is an apply whose end nobody saw, which is told and never repeated",
	"agent/runner.verify":                 "the runner's own process, before terraform starts",
	"agent/control/socket.Exec":           "the command line's own process",
	"agent/asuser.onThread":               "it returns a panic as an error",
	"agent/asuser.keep":                   "the keeper's own process",
	"agent/standby/etcd.Dial":             "it calls nothing but a context's cancel",
	"agent/doctor.findTools":              "the command line's own process",
	"agent/doctor.jobs":                   "the command line's own process",
	"agent/doctor.stacks":                 "the command line's own process",
	"agent/demo.":                         "the command line's own process",
	"agent/demo/cloud.":                   "a provider's own process",
	"agent/cli/order.":                    "the command line's own process",
	"agent/repo.":                         "package repo sees to its own",
	"agent/repo/pack.":                    "package repo sees to its own",
	"agent/repo/transport.":               "package repo sees to its own",
	"agent/agenttest.":                    "for tests",
	"agent/repo/gittest.":                 "for tests",
	"agent/standby/standbytest.":          "for tests",
	"agent/standby/standbytest/member.":   "for tests",
	"notify/slack/slacktest.":             "for tests",
	"notify/slack/slacktest/link.":        "for tests",
	"store/disk/disktest.":                "for tests",
	"notify/forge/forgetest.":             "for tests",
	"notify/github/githubtest.":           "for tests",
	"agent/health.Struck":                 "it calls nothing but wake",
	"agent/outbox.Flush":                  "it calls nothing but a context's cancel",
	"agent/operator/errands.carryOutExec": "it calls nothing but a context's cancel",
	"agent/operator/trials.take":          "it calls nothing but a context's cancel",
	"notify/slack/socket.hello":           "it calls nothing but a connection's SetReadDeadline",
}

// guards are the functions that keep a panic inside the work that they are given; a star stands for whoever has them.
var guards = []string{"contain.Do", "contain.Run", "contain.Go", "*.Contained", "*.Tend", "w.contained", "s.contained", "*.health.Aside", "helper.Go", "lent.helpers.Go"}

// isGuard reports whether a function is one of those.
func isGuard(name string) bool {
	return slices.ContainsFunc(guards, func(guard string) bool {
		ok, err := path.Match(guard, name)
		return ok && err == nil
	})
}

// TestGoroutinesAreGuarded looks at everything that starts a goroutine: a panic in one that nobody catches ends the agent, for
// the sake of one repository, thread or request.
func TestGoroutinesAreGuarded(t *testing.T) {
	found := map[string]bool{}
	n := 0
	for _, root := range []string{"../agent", "../notify", "../store"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				return err
			}
			pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(name), "../"))
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				ast.Inspect(f.Body, func(node ast.Node) bool {
					started, ok := goroutine(node)
					if !ok {
						return true
					}
					n++
					for _, key := range []string{pkg + ".", pkg + "." + f.Name.Name} {
						if unguarded[key] != "" {
							found[key] = true
							return true
						}
					}
					if !guarded(started) {
						t.Errorf("%s: a goroutine of %s.%s is not guarded: a panic in it ends the program. Use one of %s, or say in this test why it may",
							files.Position(node.Pos()), pkg, f.Name.Name, strings.Join(guards, ", "))
					}
					return true
				})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for key := range unguarded {
		if !found[key] {
			t.Errorf("nothing of %s starts a goroutine (any more)", key)
		}
	}
	if n < 20 {
		t.Errorf("only %d goroutines were found: the test looks at the wrong place", n)
	}
}

// goroutine is what a node runs in a goroutine of its own.
func goroutine(node ast.Node) (started ast.Node, ok bool) {
	if g, ok := node.(*ast.GoStmt); ok {
		return g.Call, true
	}
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return nil, false
	}
	switch name := called(call); {
	case isGuard(name):
		return nil, false
	case strings.HasSuffix(name, ".Go") && len(call.Args) == 1:
		return call.Args[0], true
	case (name == "time.AfterFunc" || name == "context.AfterFunc") && len(call.Args) == 2:
		return call.Args[1], true
	}
	return nil, false
}

// guarded reports whether everything that is started happens inside a guard: a call of one, or a function in which only defers
// and locks stand beside it.
func guarded(started ast.Node) bool {
	call, ok := started.(*ast.CallExpr)
	if ok {
		if isGuard(called(call)) {
			return true
		}
		started = call.Fun
	}
	literal, ok := started.(*ast.FuncLit)
	if !ok {
		return false
	}
	within := false
	for _, s := range literal.Body.List {
		switch s := s.(type) {
		case *ast.DeferStmt:
			continue
		case *ast.ExprStmt:
			call, ok := s.X.(*ast.CallExpr)
			if ok && isGuard(called(call)) {
				within = true
				continue
			}
			if ok && (strings.HasSuffix(called(call), ".Lock") || called(call) == "delete") {
				continue
			}
		}
		return false
	}
	return within
}

// called is a called function as it stands there.
func called(call *ast.CallExpr) string { return expression(call.Fun) }

func expression(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expression(e.X) + "." + e.Sel.Name
	}
	return fmt.Sprintf("%T", e)
}
