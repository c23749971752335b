package runner

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/agent/foreign"
	"sallyport/agent/packer"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/store"
	"sallyport/store/disk"
)

// keepManifest brings what the manifest post-processor wrote out of the copy, which is thrown away.
func (p *process) keepManifest() {
	dir := filepath.Join(p.dir, copyDir)
	recipe, err := packer.ReadRecipe(filepath.Join(dir, packer.RecipeFile))
	if err == nil {
		err = keepFile(recipe.Manifest(dir), filepath.Join(p.dir, madeFile))
	}
	if err != nil {
		p.log.Warn("keeping packer's manifest", "err", err)
	}
}

// maxKept bounds a manifest, in bytes.
const maxKept = 16 << 20

// keepFile copies a file that may be missing from below the directory that it comes to lie in.
func keepFile(from, to string) error {
	text, err := foreign.ReadBelow(filepath.Dir(to), from, maxKept)
	if err != nil {
		return disk.IgnoreMissing(err)
	}
	return disk.WriteFile(to, text)
}

// Artifacts are what a build has made, as far as it is known: what packer said at its end, and where that is missing, what
// its builders wrote into the manifest before. Each is there once.
func Artifacts(runDir string) ([]store.Artifact, error) {
	f, err := os.Open(filepath.Join(runDir, streamFile))
	if err != nil {
		return nil, disk.IgnoreMissing(err)
	}
	defer f.Close()
	var out packer.Output
	if err := eachLine(f, func(line []byte) { out.Add(line) }); err != nil {
		return nil, err
	}
	if len(out.Artifacts) > 0 {
		return inOrder(out.Artifacts), nil
	}
	dir := filepath.Join(runDir, copyDir)
	made := filepath.Join(runDir, madeFile)
	if recipe, err := packer.ReadRecipe(filepath.Join(dir, packer.RecipeFile)); err == nil && !exists(made) {
		made = recipe.Manifest(dir) // nobody was there to keep it
	}
	list, err := packer.ReadManifest(runDir, made)
	return inOrder(list), err
}

// inOrder puts the builders, which run side by side, in the same order every time; the artifacts of one stay in theirs.
func inOrder(list []store.Artifact) []store.Artifact {
	slices.SortStableFunc(list, func(a, b store.Artifact) int { return strings.Compare(a.Builder, b.Builder) })
	return list
}

// progressOf puts what a build has said into the words of an apply: a builder is what a resource is there.
func progressOf(o *packer.Output) jsonlog.Progress {
	p := jsonlog.Progress{Done: o.Done(), Total: len(o.Builds), Current: o.Current(), Open: o.Open()}
	for _, b := range o.Builds {
		if b.Failed {
			p.Failed = append(p.Failed, b.Name)
		}
	}
	for _, text := range o.Reasons() {
		p.Diagnostics = append(p.Diagnostics, diag.Diagnostic{Severity: "error", Summary: text})
	}
	return p
}

// buildText renders packer's output for people.
func buildText(r io.Reader, text *excerpt) error {
	return eachLine(r, func(line []byte) {
		l, ok := packer.ParseLine(string(line))
		if said, _ := l.Said(); ok && l.Type == "ui" {
			text.add(strings.TrimRight(said, "\n") + "\n")
		}
	})
}

// eachLine reads whole lines; longer ones than [maxLine] are left out.
func eachLine(r io.Reader, f func([]byte)) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil // the last line is not whole
		case errors.Is(err, bufio.ErrBufferFull):
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		case err != nil:
			return err
		default:
			f(line)
		}
	}
}

// engine is what is executed.
func (j Job) engine() string { return Claim{Engine: j.Engine, Program: j.Program}.engine() }

// engine is what was executed.
func (c Claim) engine() string {
	switch {
	case c.Engine == EnginePacker:
		return c.Engine
	case c.Program != "":
		return c.Program
	}
	return "terraform"
}

// noun is what a run of the engine is called.
func (c Claim) noun() string {
	if c.Engine == EnginePacker {
		return "build"
	}
	return "apply"
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
