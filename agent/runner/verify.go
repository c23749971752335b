package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"sallyport/agent/fault"
	"sallyport/agent/foreign"
	"sallyport/agent/packer"
	"sallyport/agent/terraform/binary"
)

// providerLock is where terraform looks for the dependency lock file, in its working directory.
const providerLock = ".terraform.lock.hcl"

// verify makes sure that what is going to run is what was approved, and says how it is run: on a private copy of the plan
// file, so that the bytes whose digest was taken are the bytes that terraform reads. A plan file is neither signed nor
// bound to what was shown of it; an edited one applies something else without a word.
func (p *process) verify(j Job) (packer.Call, error) {
	var none packer.Call
	dir := filepath.Join(p.dir, copyDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return none, fmt.Errorf("making a directory for the plan: %w", err)
	}
	plan := filepath.Join(dir, "plan.tfplan")
	if j.Engine == EnginePacker {
		plan = filepath.Join(dir, packer.RecipeFile)
	}
	var g errgroup.Group
	g.Go(func() error {
		have, err := copyDigest(j.PlanFile, plan)
		if fault.Without("plan digest") {
			return err
		}
		return compare("the plan file", j.PlanFile, j.Digest, have, err)
	})
	if j.TerraformDigest != "" && !unchanged(j.Terraform, j.TerraformFile) {
		g.Go(func() error {
			have, err := fileDigest(j.Terraform)
			return compare("the "+j.engine()+" binary", j.Terraform, j.TerraformDigest, have, err)
		})
	}
	vars := ""
	if j.VarFile != "" {
		vars = filepath.Join(dir, filepath.Base(j.VarFile))
		g.Go(func() error {
			have, err := copyDigest(j.VarFile, vars)
			return compare("the file with the values of ephemeral variables", j.VarFile, j.VarDigest, have, err)
		})
	}
	switch {
	case j.Engine == EnginePacker:
	case j.LockFile != "":
		g.Go(func() error { return p.installLockFile(j, filepath.Join(dir, "lock.hcl")) })
	case j.LockDigest != "":
		g.Go(func() error {
			have, err := p.lockDigest(j)
			return compare("the dependency lock file", providerLock, j.LockDigest, have, err)
		})
	}
	if err := g.Wait(); err != nil {
		return none, err
	}
	if j.Engine == EnginePacker {
		return prepareBuild(j, plan, dir)
	}
	// Another user gets to read them, and not to change them.
	shared := []error{j.User.Enter(dir), j.User.Share(plan)}
	if vars != "" {
		shared = append(shared, j.User.Share(vars))
	}
	if err := errors.Join(shared...); err != nil {
		return none, err
	}
	return packer.Call{Dir: j.Dir, Args: arguments(j, plan, vars)}, nil
}

// prepareBuild copies what a recipe names, the bytes whose digests it has, to where packer works.
func prepareBuild(j Job, recipe, dir string) (packer.Call, error) {
	r, err := packer.ReadRecipe(recipe)
	if err != nil {
		return packer.Call{}, err
	}
	if r.Binary != j.Terraform || r.BinaryDigest != j.TerraformDigest {
		return packer.Call{}, fmt.Errorf("the recipe was made with another packer: %s", r.Binary)
	}
	call, err := r.Prepare(j.Dir, filepath.Dir(j.PlanFile), dir)
	if err == nil {
		err = packer.Hand(j.User, dir)
	}
	if err != nil {
		return packer.Call{}, err
	}
	call.Args = packer.BuildArgs(call)
	return call, nil
}

// unchanged reports whether a file certainly is the one whose digest is known. Any doubt means that it is read.
func unchanged(path string, known binary.Identity) bool {
	if known.IsZero() {
		return false
	}
	now, err := binary.IdentityOf(path)
	return err == nil && now == known
}

// compare explains a digest that is not what it was when the plan was made.
func compare(what, path, want, have string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("checking %s: %w", what, err)
	case want != "" && want != have:
		return fmt.Errorf("%s %s is not what it was when the plan was made: its SHA-256 is %s, not %s",
			what, path, have, want)
	}
	return nil
}

// installLockFile checks the dependency lock file that the plan was made with and puts it where terraform looks. With
// another one there terraform would refuse the plan, or take providers that nobody has seen.
func (p *process) installLockFile(j Job, temp string) error {
	have, err := copyDigest(j.LockFile, temp)
	if err := compare("the dependency lock file", j.LockFile, j.LockDigest, have, err); err != nil {
		return err
	}
	if err := j.User.Own(temp); err != nil {
		return fmt.Errorf("putting the dependency lock file in place: %w", err)
	}
	root, name, err := p.checkout(j, providerLock)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	from, err := filepath.Rel(root.Name(), temp)
	if err == nil && filepath.IsLocal(from) {
		err = root.Rename(from, name)
	} else {
		err = os.Rename(temp, filepath.Join(j.Dir, providerLock)) // a checkout that is not in the run's directory is nobody else's
	}
	if err != nil {
		return fmt.Errorf("putting the dependency lock file in place: %w", err)
	}
	return nil
}

// maxLock bounds the dependency lock file, in bytes.
const maxLock = 64 << 20

// lockDigest is the digest of the dependency lock file in the checkout. What code made while the plan was made can be a link
// to what only the agent may read, or a pipe that is waited at for ever.
func (p *process) lockDigest(j Job) (string, error) {
	root, name, err := p.checkout(j, providerLock)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	f, err := foreign.OpenIn(root, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if err := foreign.Copy(h, f, maxLock); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyDigest copies a regular file, which must not be reached by a link, into a new one, and returns the digest of
// the bytes copied.
func copyDigest(from, to string) (string, error) {
	in, err := foreign.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	if err := errors.Join(err, out.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fileDigest returns the SHA-256 of a file, in hex. Links are followed: /usr/bin/terraform may be one.
func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
