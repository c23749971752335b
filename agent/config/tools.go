package config

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/program"
	"sallyport/agent/config/shape"
	"sallyport/agent/config/trusted"
	"sallyport/agent/hclfile"
	"sallyport/notify/redact"
)

// EngineTofu is what engine in a terraform block may say beside terraform.
const EngineTofu = "tofu"

// Tool is the program that plans and applies a stack: the one of Binary, else the Version that is installed, else the one
// that PATH has under the engine's name.
type Tool struct {
	Engine  string // empty: terraform; or tofu
	Version string // installed and verified
	Binary  string // absolute
}

// Name is how people call the program.
func (t Tool) Name() string {
	if t.Engine == EngineTofu {
		return EngineTofu
	}
	return EngineTerraform
}

// Reads says which of the files in a directory the program takes for configuration. A program that is found by its name, or lies
// somewhere, may be either.
func (t Tool) Reads() hclfile.Engine {
	switch {
	case t.Engine == EngineTofu, filepath.Base(t.Binary) == EngineTofu:
		return hclfile.Tofu
	case t.Binary == "" && t.Version != "":
		return hclfile.Terraform
	}
	return hclfile.Either
}

// Tool is what the stacks get that have no terraform block.
func (t Terraform) Tool() Tool { return Tool{Engine: t.Engine, Version: t.Version, Binary: t.Binary} }

// AWS says which roles a stack's terraform takes on; the credentials for that are those of the instance's own role.
type AWS struct {
	RoleARN     string // of applies, and of plans without PlanRoleARN
	PlanRoleARN string
	ExternalID  redact.Secret
	Region      string
}

// PlanRole is the role of plans.
func (a *AWS) PlanRole() string {
	if a.PlanRoleARN != "" {
		return a.PlanRoleARN
	}
	return a.RoleARN
}

var (
	roleARN    = naming.Spelling{Most: 2048, Pattern: regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`)}
	externalID = naming.Spelling{Most: 1224, Pattern: regexp.MustCompile(`^[A-Za-z0-9+=,.@:/_-][A-Za-z0-9+=,.@:/_-]+$`)}
	awsRegion  = naming.Spelling{Most: 30, Pattern: regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)}
)

// readTool reads which program a terraform block means.
func readTool(l *decode.Reader, a decode.Attributes, t *Tool) {
	var engine string
	if l.OneOf(a, "engine", &engine) && engine == EngineTofu {
		t.Engine = engine
	}
	if l.String(a, "version", &t.Version) {
		// NewVersion takes v1.2 as well, hc-install and terraform's own output do not.
		if v, err := version.NewVersion(t.Version); err != nil || v.Original() != v.String() {
			l.Fault(a.At("version"), "Invalid version", "version takes one exact version like \"1.11.4\", not %q: constraints belong into the repository's required_version.", t.Version)
		}
		if t.Engine == EngineTofu {
			l.Fault(a.Get("version").NameRange, "Contradiction", "version installs a terraform, and there is no installing of OpenTofu: install it, and name it with binary if it is not in PATH.")
		}
	}
	if l.String(a, "binary", &t.Binary) {
		if t.Version != "" {
			l.Fault(a.Get("binary").NameRange, "Contradiction", "version installs a terraform and binary names one; keep one of the two.")
		}
		program.Binary(l, a, t.Name(), &t.Binary)
	}
}

// readProviderMirror reads the one place that providers come from.
func readProviderMirror(l *decode.Reader, a decode.Attributes, t *Terraform) {
	if !l.String(a, "provider_mirror", &t.ProviderMirror) {
		return
	}
	if t.CLIConfigFile != "" {
		l.Fault(a.Get("provider_mirror").NameRange, "Contradiction", "provider_mirror is written into a CLI configuration that is made for it, and cli_config_file names another; keep one of the two.")
	}
	if filepath.IsAbs(t.ProviderMirror) {
		t.ProviderMirror = filepath.Clean(t.ProviderMirror)
		if info, err := os.Stat(t.ProviderMirror); err != nil {
			l.Fault(a.At("provider_mirror"), "Unusable directory", "provider_mirror: %s.", trusted.PlainError(err))
		} else if !info.IsDir() {
			l.Fault(a.At("provider_mirror"), "Unusable directory", "provider_mirror: %s is not a directory.", t.ProviderMirror)
		}
		return
	}
	u, err := url.Parse(t.ProviderMirror)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.Fault(a.At("provider_mirror"), "Invalid mirror", "provider_mirror is an absolute path, or an https URL without a user: that is all that terraform takes.")
		return
	}
	if !strings.HasSuffix(t.ProviderMirror, "/") {
		t.ProviderMirror += "/" // terraform wants it
	}
}

// tools reads the blocks of a stack that say what it is planned and applied with. One in a stack takes the place of the
// whole one of defaults or of the configuration.
func (d *stackDecoder) tools(a decode.Attributes, s *Stack) {
	s.Tool = d.cfg.Terraform.Tool()
	if b := d.l.Single(a.Blocks("terraform"), "terraform"); b != nil {
		s.Tool = Tool{}
		decode.Fixed(d.l, fixedProgram, func() { readTool(d.l, d.l.Block(b, shape.Tool()), &s.Tool) })
	}
	if b := d.l.Single(a.Blocks("aws"), "aws"); b != nil {
		s.AWS = readAWS(d.l, d.l.Block(b, shape.AWS()))
		d.awsAlone(a, s)
	}
}

func readAWS(l *decode.Reader, a decode.Attributes) *AWS {
	aws := &AWS{}
	for name, dst := range map[string]*string{"role_arn": &aws.RoleARN, "plan_role_arn": &aws.PlanRoleARN} {
		if l.String(a, name, dst) && !roleARN.MatchString(*dst) {
			l.Fault(a.At(name), "Invalid role", `%s is the ARN of a role like "arn:aws:iam::123456789012:role/NAME", not %q.`, name, *dst)
		}
	}
	if l.Secret(a, "external_id", &aws.ExternalID) && !aws.ExternalID.IsZero() && !externalID.MatchString(aws.ExternalID.Reveal()) {
		l.Fault(a.At("external_id"), "Invalid external id", "An external id has 2 to 1224 letters, digits and +=,.@:/_-.")
	}
	if l.String(a, "region", &aws.Region) && !awsRegion.MatchString(aws.Region) {
		l.Fault(a.At("region"), "Invalid region", `region is the name of one like "us-east-1", not %q.`, aws.Region)
	}
	return aws
}

// awsAlone refuses what would win against the roles of an aws block, or take their place, without anybody noticing.
func (d *stackDecoder) awsAlone(a decode.Attributes, s *Stack) {
	for name, env := range map[string]map[string]redact.Secret{"env": s.Env, "plan_env": s.PlanEnv, "apply_env": s.ApplyEnv} {
		for key := range env {
			switch key {
			case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE",
				"AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE":
				d.l.Fault(a.Key(name, key), "Contradiction", "%s and the aws block of the stack both say who terraform is in AWS; keep one of the two.", key)
			}
		}
	}
}
