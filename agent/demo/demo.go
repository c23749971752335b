// Package demo tells Sallyport's story on one machine in six scenes: a commit is planned, a person approves, it is applied; the node
// dies at 3 a.m. and one line brings it back; the agent, and then everything, dies in the middle of an apply; a careless approve does
// not take a protected volume; a pull request is planned before the merge.
//
// # What is real
//
// The repository is a git repository, the configuration is a configuration file, the agent is `sallyport agent` in a process of its
// own, terraform plans and applies, and what is shown as typed in a shell is what this program prints when it is called so. Three
// things are stand-ins, and the first screen says so: Slack and GitHub are the servers on loopback that the tests of package notify
// play them with, and the cloud is a directory with a terraform provider (package cloud). Nothing needs an account. A network is
// needed only where there is neither terraform nor tofu: then a terraform is downloaded, once, into the user's cache directory.
//
// Each scene can be told alone: it sees to it that the stack is as the ones before it leave it.
//
// All of it lives in one temporary directory, which is gone afterwards, also after Ctrl-C. Only when something fails is it
// kept, with the agent's log in it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-version"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/release"
)

// oldestTerraform is the first version that the demo is tried with.
const oldestTerraform = "1.5.0"

// Options say how the demo talks.
type Options struct {
	Stdin      io.Reader // answers, one a line
	Stdout     io.Writer
	Yes        bool   // answer every question by itself, with the words that go on
	Scenes     []int  // which are told, by their numbers in [Titles]; default all
	Color      bool   // Stdout shows colours
	Executable string // this binary, which runs the applies; default os.Executable
	// Ended is called with the runs of the story, newest first, when it is over; nil if nobody wants to know.
	Ended func([]control.Run) error

	releases release.Site // where terraform is downloaded from if there is none
	tempDir  string       // where the demo's directory is made; default os.TempDir
	paced    bool         // somebody goes from scene to scene, as at a terminal
}

func (o *Options) validate() error {
	if o.Stdout == nil || o.Stdin == nil && !o.Yes {
		return errors.New("demo: an output and an input are needed")
	}
	if o.Executable == "" {
		path, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding the program itself: %w", err)
		}
		o.Executable = path
	}
	all := len(scenes())
	for _, number := range o.Scenes {
		if number < 1 || number > all {
			return control.Errorf(control.Usage, "there is no scene %d: they are 1 to %d", number, all).WithHint("sallyport demo --list")
		}
	}
	if len(o.Scenes) == 0 {
		for number := range all {
			o.Scenes = append(o.Scenes, number+1)
		}
	}
	return nil
}

// ErrInterrupted says that the context ended before the story did.
var ErrInterrupted = errors.New("the demo was interrupted")

// errLeft ends the demo early because the person wants to, errSkipped a scene.
var (
	errLeft    = errors.New("the demo was ended")
	errSkipped = errors.New("the scene was skipped")
)

// Run tells the story. It returns when that is over or ctx ends, and leaves neither processes nor files behind, unless
// something failed: then the directory is kept and named.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	o.releases.Progress = o.Stdout
	tool, err := findTool(ctx, o.releases)
	if err != nil {
		return err
	}
	out := &screen{w: o.Stdout, color: o.Color}
	s, err := newStage(stageOptions{tool: tool, executable: o.Executable, parent: o.tempDir})
	if err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	err = play(ctx, o, out, s)
	switch {
	case err == nil:
		return s.remove()
	case errors.Is(err, errLeft), ctx.Err() != nil:
		out.gap()
		out.say("The demo ends here, and removes its directory.")
		if errors.Is(err, errLeft) {
			return s.remove()
		}
		return errors.Join(ErrInterrupted, s.remove())
	}
	out.gap()
	out.say("Something failed. The demo's directory is kept, with the agent's log:", "  "+s.logPath())
	return err
}

// play runs the agent for as long as the story lasts.
func play(ctx context.Context, o Options, out *screen, s *stage) (err error) {
	client := socket.NewClient(s.config.Socket)
	defer client.Close()
	a := &backstage{executable: o.Executable, stage: s, client: client}
	defer func() { err = errors.Join(err, a.stop()) }()
	if err := a.start(ctx); err != nil {
		return err
	}
	t := &story{screen: out, stage: s, agent: a, client: client, answers: newAnswers(o)}
	err = t.tell(ctx, o.Scenes)
	if o.Ended != nil && (err == nil || errors.Is(err, errLeft)) {
		runs, looked := client.Runs(ctx, control.RunsQuery{})
		if looked == nil {
			looked = o.Ended(runs)
		}
		err = errors.Join(err, looked)
	}
	return errors.Join(err, out.err)
}

// findTool looks for terraform on PATH, then for tofu, and downloads a terraform where there is neither, once for all times.
func findTool(ctx context.Context, site release.Site) (binary.Tool, error) {
	var tried error
	for _, name := range []string{config.EngineTerraform, config.EngineTofu} {
		tool, err := binary.Find(ctx, binary.Options{Name: name})
		if err == nil {
			err = newEnough(tool)
		}
		if err == nil {
			return tool, nil
		}
		tried = errors.Join(tried, err)
	}
	path, err := release.Cached(ctx, site)
	if err == nil {
		return binary.Find(ctx, binary.Options{Binary: path})
	}
	if ctx.Err() != nil {
		return binary.Tool{}, ErrInterrupted
	}
	tried = errors.Join(tried, err)
	return binary.Tool{}, control.Errorf(control.Internal, "the demo needs terraform %s or newer, and: %s", oldestTerraform,
		strings.Join(strings.Split(tried.Error(), "\n"), "; ")).WithHint("%s", release.Remedy)
}

func newEnough(tool binary.Tool) error {
	have, err := version.NewVersion(tool.Version)
	if err != nil || have.LessThan(version.Must(version.NewVersion(oldestTerraform))) {
		return fmt.Errorf("%s is %s", tool.Path, tool.Version)
	}
	return nil
}
