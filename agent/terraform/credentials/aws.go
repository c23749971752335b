package credentials

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/private"
	"sallyport/notify/redact"
)

// AWS is a role that the agent takes on for terraform with the credentials of the instance that it runs on. A configuration file
// tells the SDK of AWS where they are ([AWS.Write]), in the backend as in the provider, and they are there while the phase runs
// ([AWS.Lend]): the SDK asks again when what it has runs out.
type AWS struct {
	RoleARN    string        `json:"role_arn"`
	ExternalID redact.Secret `json:"-"`       // may be empty
	Region     string        `json:"region"`  // may be empty: the instance's
	Session    string        `json:"session"` // see [SessionName]

	Getenv func(string) string `json:"-"` // reads a variable of the agent's own environment; nil: os.Getenv
}

const awsFile = "aws.conf"

// SessionName is the name of the sessions of a run in CloudTrail. AWS takes 64 characters, so a long stack is cut: the
// number of the run says it all.
func SessionName(stack, run string) string {
	const most, prefix = 64, "sallyport-"
	room := most - len(prefix) - len(run) - 1
	return prefix + strings.TrimRight(stack[:min(len(stack), room)], "-.") + "-" + run
}

// Write writes the configuration file into a directory, 0600, and returns the variables that point at it. Files of the
// home directory are not looked at. The user that terraform runs as can read it; nil: the agent's own.
func (a *AWS) Write(dir string, user *asuser.User) (map[string]redact.Secret, error) {
	var b strings.Builder
	b.WriteString("[default]\n")
	for _, kv := range [][2]string{
		{"credential_process", "cat " + shellQuote(filepath.Join(dir, awsCredentialsFile))}, {"region", a.Region},
	} {
		if kv[1] == "" {
			continue
		}
		if strings.ContainsAny(kv[1], "\r\n") {
			return nil, fmt.Errorf("writing the configuration of AWS: %s has more than one line", kv[0])
		}
		fmt.Fprintf(&b, "%s = %s\n", kv[0], kv[1])
	}
	path, err := private.Replace(filepath.Join(dir, awsFile), []byte(b.String()))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration of AWS: %w", err)
	}
	none, err := private.Replace(filepath.Join(dir, "aws.credentials"), nil)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration of AWS: %w", err)
	}
	if err := errors.Join(user.Share(path), user.Share(none)); err != nil {
		return nil, fmt.Errorf("writing the configuration of AWS: %w", err)
	}
	env := map[string]redact.Secret{
		"AWS_CONFIG_FILE": redact.NewSecret(path), "AWS_SHARED_CREDENTIALS_FILE": redact.NewSecret(none),
		"AWS_SDK_LOAD_CONFIG": redact.NewSecret("1"), // older providers read the file only then
	}
	if a.Region != "" {
		env["AWS_REGION"] = redact.NewSecret(a.Region)
	}
	return env, nil
}
