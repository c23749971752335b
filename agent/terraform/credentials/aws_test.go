package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/notify/redact"
)

func TestAWSConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	role := AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", ExternalID: redact.NewSecret("ext"), Region: "us-east-1", Session: SessionName("ghe", "12")}
	env, err := role.Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := env["AWS_CONFIG_FILE"].Reveal()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := `[default]
credential_process = cat ` + filepath.Join(dir, "aws.json") + `
region = us-east-1
`
	if string(text) != want {
		t.Errorf("got:\n%s", text)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info.Mode(), err)
	}
	if env["AWS_REGION"].Reveal() != "us-east-1" || env["AWS_SDK_LOAD_CONFIG"].Reveal() != "1" {
		t.Errorf("the environment: %v", env)
	}
	role.Region = "a\ncredential_process = other"
	if _, err := role.Write(dir, nil); err == nil {
		t.Error("a second line was written")
	}
}

// AWS takes 2 to 64 of these characters.
func TestSessionName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 40) + "-" + strings.Repeat("b", 23)
	for _, c := range []struct{ stack, run, want string }{
		{"ghe", "12", "sallyport-ghe-12"},
		{"services-wiki.prod_2", "7", "sallyport-services-wiki.prod_2-7"},
		{long, "1234567", "sallyport-" + long[:46] + "-1234567"},
		{strings.Repeat("a", 45) + "-" + "bcd", "1234567", "sallyport-" + strings.Repeat("a", 45) + "-1234567"},
	} {
		got := SessionName(c.stack, c.run)
		if got != c.want || len(got) > 64 {
			t.Errorf("SessionName(%s, %s) = %s (%d)", c.stack, c.run, got, len(got))
		}
	}
}
