package doctor

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/notify/redact"
)

// What could not be tried must not look like what was tried and went well.
func TestOpenToThatCannotBeTried(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	open, err := openTo(over, &asuser.User{Name: "nobody"}, []string{"/"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it found %q, %v", open, err)
	}
}

func TestAgentFiles(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
	cfg := &config.Config{DataDir: "/data", Socket: "/run/s.sock"}
	key := &config.Repository{SSHKeyFile: "/keys/ssh"}
	key.Site.PrivateKeyFile = "/keys/app.pem"
	cfg.Repositories = []*config.Repository{key, {}}
	files := agentFiles(cfg, "/given")
	for _, want := range []string{"/data/sallyport.db", "/run/s.sock", "/run/credentials", "/given", "/keys/ssh", "/keys/app.pem"} {
		if !slices.Contains(files, want) {
			t.Errorf("%s is missing in %q", want, files)
		}
	}
	if slices.Contains(files, "") {
		t.Errorf("a file without a name: %q", files)
	}
}

// The doctor says of a user whom this machine does not have what check says.
func TestMissingUser(t *testing.T) {
	t.Parallel()
	const name = "nobody-of-this-machine"
	cfg := &config.Config{Terraform: config.Terraform{User: name}}
	want := User(name)
	d := &doctor{cfg: cfg, redactor: redact.New()}
	s := d.section("terraform")
	d.terraformUser(t.Context(), s, nil)
	if want == nil || len(s.checks) != 1 || s.checks[0].Level != Fail || s.checks[0].Text != want.Error() {
		t.Errorf("the doctor says %+v, check %v", s.checks, want)
	}
	if found := Machine(cfg, ""); len(found) == 0 || found[0].Text != want.Error() {
		t.Errorf("of the machine it is said: %+v", found)
	}
}
