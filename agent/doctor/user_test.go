package doctor

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
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
	key.GitHub.PrivateKeyFile = "/keys/app.pem"
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
