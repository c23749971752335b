package config

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/figures"
	"sallyport/agent/config/receiver"
	"sallyport/agent/config/web"
	"sallyport/agent/trust"
	"sallyport/configs"
	"sallyport/notify/golden"
	"sallyport/notify/redact"
)

// compare looks into secrets and cty values.
func compare() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b redact.Secret) bool { return a.Reveal() == b.Reveal() }),
		cmp.Comparer(func(a, b cty.Value) bool { return a.RawEquals(b) }),
	}
}

func secrets(pairs ...string) map[string]redact.Secret {
	m := map[string]redact.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = redact.NewSecret(pairs[i+1])
	}
	return m
}

func TestMinimal(t *testing.T) {
	w := newWorld(t)
	got := w.load(t, read(t, "testdata/good/minimal.hcl"))
	want := &Config{
		DataDir: "/var/lib/sallyport", Socket: "/run/sallyport/sallyport.sock", CLIApprovals: true,
		Repositories: []*Repository{{Name: "infra", URL: "file:///srv/git/infra.git", Branch: "main", Schedule: "@every 30s"}},
		Stacks: []*Stack{{
			Name: "root", Engine: EngineTerraform, Repository: "infra", Dir: ".", Workspace: "default", Approvals: 1,
			PlanTTL: 24 * time.Hour, PlanTimeout: 30 * time.Minute, LockTimeout: time.Minute,
			AllowSelfApproval: true, PlanInSlack: "full", Inputs: got.Stacks[0].Inputs, AutoApplyLimit: 3,
		}},
		Packer:    Packer{Parallel: 2},
		Terraform: Terraform{Parallel: 2}, Retention: Retention{Runs: 10_000, Age: 2160 * time.Hour, History: 8760 * time.Hour},
	}
	if diff := cmp.Diff(want, got, compare()); diff != "" {
		t.Error(diff)
	}
	if got.Repository("infra") != got.Repositories[0] || got.Repository("other") != nil {
		t.Error("repositories are not found by name")
	}
}

func TestFull(t *testing.T) {
	w := newWorld(t)
	got := w.load(t, read(t, "testdata/good/full.hcl"))
	phrase := canary + "-phrase"
	wantRepositories := []*Repository{
		{
			Name: "infra", URL: "ssh://git@git.example.com/ops/infra.git", Branch: "release/1.x", FollowRewritten: true,
			MaxObjectSize: 512 << 20,
			Schedule:      "CRON_TZ=Europe/Berlin */5 8-18 * * 1-5",
			SSHKeyFile:    filepath.Join(w.dir, "deploy_key"), KnownHostsFile: filepath.Join(w.dir, "known_hosts"),
			RequireReview: true, Signed: trust.Files{AllowedSigners: signers},
			SSHPassphrase: redact.NewSecret(phrase), Username: "git", CAFile: filepath.Join(w.dir, "ca.pem"),
			Site: Site{Kind: "github", URL: "https://GHE.example.com:8443", Repository: "ops/infra", AppID: 314, InstallationID: 2718,
				PrivateKeyFile: filepath.Join(w.dir, "key.pem")},
		},
		{
			Name: "apps", URL: "https://git.example.com:8443/ops/apps.git", Branch: "main", Schedule: "*/10 * * * * *",
			Username: "oauth2", Token: redact.NewSecret(canary), CAFile: filepath.Join(w.dir, "ca.pem"),
			ModulesFrom: []string{"ops/modules.git", "group/*/tf-*"},
			Site:        Site{Kind: "github", URL: "https://github.com", Repository: "ops/apps", Token: redact.NewSecret(phrase), PlanPullRequests: true, LendToPreviews: true, SecretsToPreviews: true},
		},
		{Name: "here", URL: "http://127.0.0.1:3000/ops/here.git", Branch: "main", Schedule: "@every 30s"},
	}
	if diff := cmp.Diff(wantRepositories, got.Repositories, compare()); diff != "" {
		t.Error(diff)
	}
	network := &Stack{
		Name: "network", Engine: EngineTerraform, Repository: "infra", Dir: "network", Workspace: "default", Approvals: 2,
		Watch: []string{"policies/**"}, Env: secrets("AWS_REGION", "us-east-1", "KEPT", "no"),
		PlanTTL: 12 * time.Hour, PlanTimeout: 10 * time.Minute, LockTimeout: time.Minute,
		AllowSelfApproval: true, PlanInSlack: "full", Inputs: got.Stacks[0].Inputs, Drift: "@hourly", AutoApplyLimit: 3,
		Tool: Tool{Engine: EngineTofu, Binary: filepath.Join(w.dir, "terraform")},
		AWS: &AWS{
			RoleARN: "arn:aws:iam::123456789012:role/ops/apply", PlanRoleARN: "arn:aws-us-gov:iam::123456789012:role/plan",
			ExternalID: redact.NewSecret(phrase), Region: "us-gov-west-1",
		},
	}
	if diff := cmp.Diff(network, got.Stacks[0], compare()); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	ghe := &Stack{
		Name: "ghe", Engine: EngineTerraform, Repository: "infra", Dir: "ghe", Workspace: "prod",
		VarFiles: []string{"prod.tfvars", "../common.tfvars"},
		Vars: map[string]cty.Value{
			"region": cty.StringVal("us-east-1"),
			"sizes":  cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}),
			"deep":   cty.ObjectVal(map[string]cty.Value{"on": cty.True, "secret": cty.StringVal(phrase)}),
		},
		Watch: []string{"modules/**"}, Env: secrets("AWS_REGION", "eu-west-1", "RETRIES", "3"),
		PlanEnv: secrets("AWS_PROFILE", "plan"), ApplyEnv: secrets("TOKEN", "Bearer "+canary),
		Secrets: Secrets{Vars: []string{"deep"}}, BackendConfig: secrets("bucket", "tf-state", "encrypt", "true"), DependsOn: []string{"network", "services-wiki"},
		Approvals: 1, Approvers: []string{"U01ABCDEF"}, PlanTTL: 24 * time.Hour, PlanTimeout: 90 * time.Minute, LockTimeout: 10 * time.Second,
		Protect: []string{"aws_ebs_volume.*"}, Replaceable: []string{"aws_instance.*"}, MaxDestroy: new(int), Mode: ModeObserve, Mention: []string{"S01OPSTEAM"},
		Channel: "#ghe", Label: "PROD", PlanInSlack: "addresses", Inputs: got.Stacks[1].Inputs,
		Tool:  Tool{Binary: filepath.Join(w.dir, "terraform")},
		Drift: "CRON_TZ=Europe/Berlin 15 * * * *", AutoApply: PolicyRecreate, AutoApplyLimit: 5, RecreateAlso: []string{"aws_volume_attachment"},
	}
	if diff := cmp.Diff(ghe, got.Stacks[1], compare()); diff != "" {
		t.Errorf("a stack's own attributes: %s", diff)
	}
	got.Repositories, got.Stacks, got.StackGlobs = nil, nil, nil
	want := &Config{
		DataDir: "/srv/sallyport", Socket: "/run/sallyport/s.sock",
		Packer:    Packer{Parallel: 2},
		Terraform: Terraform{Binary: filepath.Join(w.dir, "terraform"), Parallel: 4, CLIConfigFile: filepath.Join(w.dir, "known_hosts"), User: "sallyport-tf"},
		Slack: &Slack{
			Token: redact.NewSecret("xoxb-" + canary), Channel: "#infra", Approvers: []string{"U01ABCDEF", "S01OPSTEAM", "jane@example.com"},
			Poll: 100 * time.Millisecond, APIURL: "http://localhost:8080/api/",
		},
		People:  []Person{{Name: "jane", Slack: "U01ABCDEF", GitHub: "jane-doe", OS: "jane"}},
		Backup:  &Backup{Schedule: "@daily", Command: []string{"aws", "s3", "cp", "-", "s3://bucket/sallyport"}, Env: secrets("AWS_REGION", "us-east-1"), Timeout: time.Hour},
		Metrics: &figures.Metrics{Listen: "0.0.0.0:9746", Textfile: "/var/lib/node_exporter/sallyport.prom", AllowRemote: true},
		PingURL: redact.NewSecret("https://ping.example.com/" + canary),
		Notify: []*receiver.Receiver{
			{
				Name: "pager", Events: []string{"waiting", "blocked"}, Stacks: []string{"prod-*", "ghe"}, Timeout: 10 * time.Second,
				URL: redact.NewSecret("https://alerts.example.com/hooks/" + canary + "?v=2"), Headers: secrets("Authorization", "Bearer "+canary, "X-Team", "ops"),
			},
			{Name: "mail", Events: []string{"errored"}, Command: []string{"sallyport-mail", "--now"}, Env: secrets("MAILTO", "ops@example.com"), Timeout: 30 * time.Second},
		},
		Web:       &web.Web{Socket: "/run/sallyport/pages.sock"},
		Retention: Retention{Runs: 500, Age: 720 * time.Hour, History: 2000 * time.Hour},
		Secrets:   []redact.Secret{redact.NewSecret(phrase), redact.NewSecret(canary), redact.NewSecret("xoxb-" + canary), redact.NewSecret("https://ping.example.com/" + canary)},
	}
	if diff := cmp.Diff(want, got, compare()); diff != "" {
		t.Error(diff)
	}
}

// TestSharesHost: a token goes to the host that it is for, and nowhere else.
func TestSharesHost(t *testing.T) {
	for name, tt := range map[string]struct {
		git, site string
		want      bool
	}{
		"the same":     {"https://ghe.example.com/ops/infra.git", "https://GHE.example.com", true},
		"loopback":     {"http://127.0.0.1:80/ops/infra.git", "http://127.0.0.1:80", true},
		"another host": {"https://git.example.com/ops/infra.git", "https://ghe.example.com", false},
		"another port": {"https://ghe.example.com:8443/ops/infra.git", "https://ghe.example.com", false},
		"in the clear": {"http://localhost/ops/infra.git", "https://localhost", false},
		"ssh":          {"ssh://git@ghe.example.com/ops/infra.git", "https://ghe.example.com", false},
		"below a path": {"https://git.example.com/gitlab/ops/infra.git", "https://git.example.com/gitlab", true},
		"beside it":    {"https://git.example.com/other/infra.git", "https://git.example.com/gitlab", false},
		"out of it":    {"https://git.example.com/gitlab/../other/infra.git", "https://git.example.com/gitlab", false},
		"begins alike": {"https://git.example.com/gitlab-old/infra.git", "https://git.example.com/gitlab", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Repository{URL: tt.git, Site: Site{Kind: "github", URL: tt.site, Repository: "ops/infra"}}
			if got := r.SharesHost(); got != tt.want {
				t.Errorf("got %t", got)
			}
			if r.Site.Kind = ""; r.SharesHost() {
				t.Error("without a github block there is no identity to share")
			}
		})
	}
}

// TestVarsAreJSON: whoever writes the var file knows no marks, and a mark left over would fail every plan.
func TestVarsAreJSON(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, read(t, "testdata/good/full.hcl"))
	for name, v := range cfg.Stacks[1].Vars {
		if v.ContainsMarked() || !v.IsWhollyKnown() {
			t.Errorf("%s is marked or unknown", name)
		}
	}
}

// TestSample loads the configuration that a new installation starts from, with its paths moved into the test's directory.
func TestSample(t *testing.T) {
	w := newWorld(t)
	text := strings.ReplaceAll(configs.SampleConfig, "/etc/sallyport", w.dir)
	cfg := w.load(t, text)
	if len(cfg.Repositories) != 1 || len(cfg.Stacks) != 1 || cfg.Slack == nil || len(cfg.Warnings) != 0 {
		t.Errorf("repositories %d, stacks %d, slack %v, warnings %q", len(cfg.Repositories), len(cfg.Stacks), cfg.Slack != nil, cfg.Warnings)
	}

	// What is commented out must be right as well: it is what people uncomment.
	for _, block := range []string{"locals", "stacks \"services/*\"", "stacks \"roots/*\"", "person \"jane\""} {
		text = uncomment(t, text, "# "+block)
	}
	for _, line := range []string{
		"passphrase", "workspace", "var_files", "vars", "watch", "env", "apply_env", "backend_config", "protect", "approvers",
		"allow_self_approval", "mention", "channel", "plan_in_slack", "mode",
		"drift", "auto_apply", "auto_apply_limit", "recreate_also",
	} {
		text = strings.Replace(text, "  # "+line+" ", "  "+line+" ", 1)
	}
	hosted, rest, found := strings.Cut(text[strings.Index(text, "  # github {"):], "\n  # }\n")
	if !found {
		t.Fatal("the sample has no github block")
	}
	text = strings.TrimSuffix(text, hosted+"\n  # }\n"+rest) + strings.ReplaceAll("\n"+hosted+"\n  # }\n", "\n  # ", "\n  ") + rest
	text = strings.Replace(text, "# pull_requests", "pull_requests", 1)
	w.file(t, "credentials/github-token", canary, 0o600)
	w.file(t, "credentials/deploy-key-passphrase", canary, 0o600)
	cfg = w.load(t, text)
	if s := cfg.Stacks[0]; s.Mode != ModeObserve || len(s.Protect) != 2 || s.AutoApply != PolicyRecreate || s.Drift == "" || len(cfg.StackGlobs) != 3 || len(cfg.People) != 1 || !cfg.Repositories[0].Site.PlanPullRequests {
		t.Errorf("not everything was uncommented: %+v", s)
	}
}

// uncomment takes the comment signs off a block.
func uncomment(t *testing.T, text, first string) string {
	t.Helper()
	before, rest, found := strings.Cut(text, first)
	block, after, end := strings.Cut(rest, "\n# }")
	if !found || !end {
		t.Fatalf("the sample has no block %s", first)
	}
	return before + strings.ReplaceAll(first+block+"\n# }", "# ", "") + after
}

// TestDirectory merges files in the order of their names, and names both places of what may stand only once.
func TestDirectory(t *testing.T) {
	w := newWorld(t)
	w.config(t, "conf/20-stacks.hcl", "stack \"b\" {\n  dir = \"b\"\n}\n")
	w.config(t, "conf/10-stacks.hcl", "stack \"a\" {\n  dir = \"a\"\n}\n\nterraform {\n}\n")
	w.config(t, "conf/30-repository.hcl", "cli_approvals = true\n\nrepository \"infra\" {\n  url = \"/srv/git/infra.git\"\n}\n")
	w.config(t, "conf/.hidden.hcl", "syntax error")
	w.config(t, "conf/notes.txt", "syntax error")
	cfg, err := Load(filepath.Join(w.dir, "conf"), w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Stacks) != 2 || cfg.Stacks[0].Name != "a" || cfg.Stacks[1].Name != "b" {
		t.Errorf("stacks: %v", cfg.Stacks)
	}
	w.config(t, "conf/40-again.hcl", "cli_approvals = false\n\nterraform {\n}\n\nstack \"b\" {\n  dir = \"b\"\n}\n")
	golden.Is(t, "testdata/directory.golden", w.render(t, w.faults(t, filepath.Join(w.dir, "conf"))))
}

// TestDesignExample: every name of the design is either known or refused as not there yet; none is unknown.
func TestDesignExample(t *testing.T) {
	w := newWorld(t)
	w.file(t, "credentials/github-token", canary, 0o600)
	faults := w.faults(t, w.config(t, "design.hcl", read(t, "testdata/design.hcl")))
	golden.Is(t, "testdata/design.golden", w.render(t, faults))
	for _, f := range faults.List() {
		if f.Summary != "Not supported yet" {
			t.Errorf("%s", f)
		}
	}
}

func TestFaultJSON(t *testing.T) {
	data, err := json.Marshal(Fault{File: "a.hcl", Line: 1, Column: 2, Summary: "S", Detail: "D"})
	if err != nil || string(data) != `{"file":"a.hcl","line":1,"column":2,"summary":"S","detail":"D"}` {
		t.Errorf("%s, %v", data, err)
	}
}
