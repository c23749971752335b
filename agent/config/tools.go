package config

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"

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
	roleARN    = spelling{2048, regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`)}
	externalID = spelling{1224, regexp.MustCompile(`^[A-Za-z0-9+=,.@:/_-][A-Za-z0-9+=,.@:/_-]+$`)}
	awsRegion  = spelling{30, regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)}
)

// tool reads which program a terraform block means.
func (l *loader) tool(a attributes, t *Tool) {
	var engine string
	if l.oneOf(a, "engine", &engine, EngineTerraform, EngineTofu) && engine == EngineTofu {
		t.Engine = engine
	}
	if l.str(a, "version", &t.Version) {
		// NewVersion takes v1.2 as well, hc-install and terraform's own output do not.
		if v, err := version.NewVersion(t.Version); err != nil || v.Original() != v.String() {
			l.fault(a.at("version"), "Invalid version", "version takes one exact version like \"1.11.4\", not %q: constraints belong into the repository's required_version.", t.Version)
		}
		if t.Engine == EngineTofu {
			l.fault(a.get("version").NameRange, "Contradiction", "version installs a terraform, and there is no installing of OpenTofu: install it, and name it with binary if it is not in PATH.")
		}
	}
	if l.str(a, "binary", &t.Binary) {
		if t.Version != "" {
			l.fault(a.get("binary").NameRange, "Contradiction", "version installs a terraform and binary names one; keep one of the two.")
		}
		l.executable(a, t.Name(), &t.Binary)
	}
}

// executable checks that a binary can be run, and by whom it can be replaced.
func (l *loader) executable(a attributes, tool string, path *string) {
	if !filepath.IsAbs(*path) {
		l.fault(a.at("binary"), "Invalid path", "binary must be an absolute path, not %q; without it %s is looked up in PATH.", *path, tool)
		return
	}
	*path = filepath.Clean(*path)
	info, err := os.Stat(*path)
	switch {
	case err != nil:
		l.fault(a.at("binary"), "Unusable file", "binary: %s.", plainPathError(err))
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		l.fault(a.at("binary"), "Unusable file", "binary: %s is not an executable file.", *path)
	default:
		if err := l.trusted(*path); err != nil {
			l.fault(a.at("binary"), "Unusable file", "binary: %s.", err)
		}
	}
}

// providerMirror reads the one place that providers come from.
func (l *loader) providerMirror(a attributes, t *Terraform) {
	if !l.str(a, "provider_mirror", &t.ProviderMirror) {
		return
	}
	if t.CLIConfigFile != "" {
		l.fault(a.get("provider_mirror").NameRange, "Contradiction", "provider_mirror is written into a CLI configuration that is made for it, and cli_config_file names another; keep one of the two.")
	}
	if filepath.IsAbs(t.ProviderMirror) {
		t.ProviderMirror = filepath.Clean(t.ProviderMirror)
		if info, err := os.Stat(t.ProviderMirror); err != nil {
			l.fault(a.at("provider_mirror"), "Unusable directory", "provider_mirror: %s.", plainPathError(err))
		} else if !info.IsDir() {
			l.fault(a.at("provider_mirror"), "Unusable directory", "provider_mirror: %s is not a directory.", t.ProviderMirror)
		}
		return
	}
	u, err := url.Parse(t.ProviderMirror)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.fault(a.at("provider_mirror"), "Invalid mirror", "provider_mirror is an absolute path, or an https URL without a user: that is all that terraform takes.")
		return
	}
	if !strings.HasSuffix(t.ProviderMirror, "/") {
		t.ProviderMirror += "/" // terraform wants it
	}
}

// tools reads the blocks of a stack that say what it is planned and applied with. One in a stack takes the place of the
// whole one of defaults or of the configuration.
func (d *stackDecoder) tools(a attributes, s *Stack) {
	s.Tool = d.cfg.Terraform.Tool()
	if b := d.l.single(a.blocks("terraform"), "terraform"); b != nil {
		s.Tool = Tool{}
		d.l.tool(attributes{own: d.l.content(b.Body, toolShape()).Attributes, header: b.DefRange}, &s.Tool)
	}
	if b := d.l.single(a.blocks("aws"), "aws"); b != nil {
		s.AWS = d.l.aws(attributes{own: d.l.content(b.Body, awsShape()).Attributes, header: b.DefRange})
		d.awsAlone(a, s)
	}
}

func (l *loader) aws(a attributes) *AWS {
	aws := &AWS{}
	for name, dst := range map[string]*string{"role_arn": &aws.RoleARN, "plan_role_arn": &aws.PlanRoleARN} {
		if l.str(a, name, dst) && !roleARN.MatchString(*dst) {
			l.fault(a.at(name), "Invalid role", `%s is the ARN of a role like "arn:aws:iam::123456789012:role/NAME", not %q.`, name, *dst)
		}
	}
	if l.secret(a, "external_id", &aws.ExternalID) && !aws.ExternalID.IsZero() && !externalID.MatchString(aws.ExternalID.Reveal()) {
		l.fault(a.at("external_id"), "Invalid external id", "An external id has 2 to 1224 letters, digits and +=,.@:/_-.")
	}
	if l.str(a, "region", &aws.Region) && !awsRegion.MatchString(aws.Region) {
		l.fault(a.at("region"), "Invalid region", `region is the name of one like "us-east-1", not %q.`, aws.Region)
	}
	return aws
}

// awsAlone refuses what would win against the roles of an aws block, or take their place, without anybody noticing.
func (d *stackDecoder) awsAlone(a attributes, s *Stack) {
	for name, env := range map[string]map[string]redact.Secret{"env": s.Env, "plan_env": s.PlanEnv, "apply_env": s.ApplyEnv} {
		for key := range env {
			switch key {
			case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE",
				"AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE":
				d.l.fault(a.key(name, key), "Contradiction", "%s and the aws block of the stack both say who terraform is in AWS; keep one of the two.", key)
			}
		}
	}
}

// ofType are the blocks of a type.
func ofType(blocks hcl.Blocks, kind string) hcl.Blocks {
	var out hcl.Blocks
	for _, b := range blocks {
		if b.Type == kind {
			out = append(out, b)
		}
	}
	return out
}
