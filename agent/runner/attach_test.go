package runner_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/agent/runner"
)

// What a crash at any point can leave behind, and what it means.
func TestAttach(t *testing.T) {
	t.Parallel()
	const (
		claim   = `{"run":12,"digest":"d","dir":"/nonexistent","started_at":"2026-01-02T03:04:05Z"}`
		ended   = `{"run":12,"digest":"d","exit_code":0,"started_at":"2026-01-02T03:04:05Z","ended_at":"2026-01-02T03:04:06Z"}`
		refused = `{"run":12,"digest":"d","exit_code":-1,"refused":"why"}`
	)
	tests := map[string]struct {
		files   map[string]string
		held    bool
		phase   runner.Phase
		started bool // terraform
		damaged bool
	}{
		"nothing":                      {phase: runner.NotStarted},
		"lock and no claim":            {files: map[string]string{"lock": ""}, phase: runner.NotStarted},
		"lock held and no claim":       {held: true, phase: runner.NotStarted},
		"claimed, nobody there":        {files: map[string]string{"claim": claim, "lock": ""}, phase: runner.Lost},
		"claimed, lock file gone":      {files: map[string]string{"claim": claim}, phase: runner.Lost},
		"claim torn by a crash":        {files: map[string]string{"claim": "", "lock": ""}, phase: runner.Lost, damaged: true},
		"claimed and held":             {files: map[string]string{"claim": claim}, held: true, phase: runner.Running},
		"terraform runs":               {files: map[string]string{"claim": claim, "started": ""}, held: true, phase: runner.Running, started: true},
		"terraform ran, nobody there":  {files: map[string]string{"claim": claim, "started": ""}, phase: runner.Lost, started: true},
		"room for a result, no result": {files: map[string]string{"claim": claim, "started": "", "result.new": ended}, phase: runner.Lost, started: true},
		"ended":                        {files: map[string]string{"claim": claim, "started": "", "result.json": ended}, phase: runner.Finished, started: true},
		"ended, orphan":                {files: map[string]string{"claim": claim, "started": "", "result.json": ended}, held: true, phase: runner.Finished, started: true},
		"refused":                      {files: map[string]string{"claim": claim, "result.json": refused}, phase: runner.Finished},
		"refused at the last step":     {files: map[string]string{"claim": claim, "started": "", "result.json": refused}, phase: runner.Finished},
		"result damaged":               {files: map[string]string{"claim": claim, "started": "", "result.json": "{"}, phase: runner.Lost, started: true, damaged: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			for file, text := range test.files {
				write(t, filepath.Join(dir, file), text)
			}
			if test.held {
				f, err := os.Create(filepath.Join(dir, "lock"))
				must(t, err)
				defer f.Close()
				must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
			}
			for range 2 { // looking must not change what is seen
				s, err := runner.Attach(dir)
				must(t, err)
				if s.Phase != test.phase || s.TerraformStarted != test.started || (s.Damage != nil) != test.damaged {
					t.Errorf("state %+v", s)
				}
				if s.StillHeld != (test.held && test.phase == runner.Finished) {
					t.Errorf("still held: %t", s.StillHeld)
				}
			}
		})
	}
}

func TestAttachToNoDirectory(t *testing.T) {
	t.Parallel()
	s, err := runner.Attach("/nonexistent/12")
	if err != nil || s.Phase != runner.NotStarted {
		t.Errorf("state %+v, err %v", s, err)
	}
	if s, err := runner.Follow(t.Context(), "/nonexistent/12", nil); err != nil || s.Phase != runner.NotStarted {
		t.Errorf("following: state %+v, err %v", s, err)
	}
}

// The runner died before it could keep the state that terraform could not save: it is found in the checkout.
func TestLostWithErroredState(t *testing.T) {
	t.Parallel()
	dir, src := tempDir(t), tempDir(t)
	write(t, filepath.Join(dir, "claim"), `{"run":12,"dir":"`+src+`"}`)
	write(t, filepath.Join(src, "errored.tfstate"), "{}")
	if s, err := runner.Attach(dir); err != nil || s.ErroredState != "" {
		t.Errorf("before terraform: state %+v, err %v", s, err)
	}
	write(t, filepath.Join(dir, "started"), "")
	if s, err := runner.Attach(dir); err != nil || s.ErroredState != filepath.Join(src, "errored.tfstate") {
		t.Errorf("state %+v, err %v", s, err)
	}
}
