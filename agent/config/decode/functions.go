package decode

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"sallyport/agent/config/trusted"
	"sallyport/notify/redact"
)

// MaxSecretSize bounds what file and credential read, in bytes.
const MaxSecretSize = 1 << 20

// secretMark is on every value that came through env, file or credential.
type secretMark struct{}

// missingError is a secret that is not there for this process, though it may be there for the agent.
type missingError struct{ text string }

func (e *missingError) Error() string { return e.text }

// missing makes a missingError.
func missing(format string, args ...any) error {
	return &missingError{text: fmt.Sprintf(format, args...)}
}

// brought is what a function has brought in.
type brought struct {
	value cty.Value
	err   error
}

// functions are those that a configuration can call. Their errors never hold what was read.
func functions(l *Reader) map[string]function.Function {
	return map[string]function.Function{
		"env":        l.secretFunction("env", "name", func(name string) (string, error) { return readEnv(l, name) }),
		"file":       l.secretFunction("file", "path", func(path string) (string, error) { return readFile(l, path) }),
		"credential": l.secretFunction("credential", "name", func(name string) (string, error) { return readCredential(l, name) }),
		"toset":      stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}
}

// secretFunction makes a function of one string whose result is a secret.
func (l *Reader) secretFunction(name, param string, read func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: param, Type: cty.String, AllowUnknown: true, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			arg, marks := args[0].Unmark()
			switch {
			case !arg.IsKnown() && len(marks) > 0: // of a secret that is not there for this process
				return cty.UnknownVal(cty.String).Mark(secretMark{}), nil
			case !arg.IsKnown():
				return cty.UnknownVal(cty.String), fmt.Errorf("its %s may not come from dir here: who adds a directory to the repository would choose what is read on this machine. each.key may be part of it", param)
			}
			key := name + "\x00" + arg.AsString()
			got, known := l.read[key]
			switch {
			case known:
			case l.sealed:
				return cty.UnknownVal(cty.String), fmt.Errorf("%s(%q) was not read when the configuration was", name, arg.AsString())
			default:
				got.value, got.err = bring(l, arg.AsString(), read)
				l.read[key] = got
			}
			return got.value, got.err
		},
	})
}

// bring calls what reads a secret.
func bring(l *Reader, arg string, read func(string) (string, error)) (cty.Value, error) {
	value, err := read(arg)
	if gone := (*missingError)(nil); errors.As(err, &gone) && l.o.MissingCredentialsWarn {
		l.warnText(gone.text + "; what depends on it was not checked")
		return cty.UnknownVal(cty.String).Mark(secretMark{}), nil
	}
	if err != nil {
		return cty.UnknownVal(cty.String), err
	}
	l.keep(value)
	return cty.StringVal(value).Mark(secretMark{}), nil
}

// keep collects the value of a secret for the redactor.
func (l *Reader) keep(value string) {
	if value != "" && !l.known[value] {
		l.known[value] = true
		l.secrets = append(l.secrets, redact.NewSecret(value))
	}
}

func readEnv(l *Reader, name string) (string, error) {
	value := l.o.Getenv(name)
	if value == "" {
		return "", missing("environment variable %q is not set or is empty", name)
	}
	return value, nil
}

func readFile(l *Reader, path string) (string, error) {
	if path == "" {
		return "", errors.New("the path is empty")
	}
	return readSecret(l, l.abs(path))
}

func readCredential(l *Reader, name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("%q is not the name of a credential: a file name without a directory", name)
	}
	systemd := l.o.Getenv("CREDENTIALS_DIRECTORY")
	dir := l.o.CredentialsDir
	if dir == "" {
		dir = systemd
	}
	if dir == "" {
		return "", missing("credential %q cannot be read: $CREDENTIALS_DIRECTORY is not set (LoadCredential=%s:/path in the systemd unit sets it)", name, name)
	}
	path := filepath.Join(dir, name)
	if dir == systemd {
		// systemd mounts this directory for the one service; its modes are systemd's business.
		data, err := trusted.Read(path, MaxSecretSize, nil)
		return secretText(l, path, data, err, name)
	}
	data, err := trusted.Read(path, MaxSecretSize, l.secretMode(path))
	return secretText(l, path, data, err, name)
}

func readSecret(l *Reader, path string) (string, error) {
	data, err := trusted.Read(path, MaxSecretSize, l.secretMode(path))
	return secretText(l, path, data, err, "")
}

// CheckSecretFile reads a file that holds a secret and that nobody else may read. What is in it is not kept.
func (l *Reader) CheckSecretFile(path string) error {
	_, err := trusted.Read(path, MaxSecretSize, l.secretMode(path))
	return err
}

// SecretFile reads a file that holds a secret and that nobody else may read, and keeps what is in it for the redactor.
func SecretFile(l *Reader, path string) (redact.Secret, error) {
	text, err := readSecret(l, path)
	if err != nil {
		return redact.Secret{}, err
	}
	l.keep(text)
	return redact.NewSecret(text), nil
}

func (l *Reader) secretMode(path string) func(fs.FileInfo) error {
	return func(info fs.FileInfo) error { return l.checkMode(path, info, trusted.UsableByOthers) }
}

// secretText trims what was read. Only a credential that is not there is a missingError:
// systemd hands credentials to the agent alone.
func secretText(l *Reader, path string, data []byte, err error, credential string) (string, error) {
	if err != nil {
		if credential != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
			return "", missing("credential %q cannot be read: %v", credential, err)
		}
		return "", err
	}
	// Editors and echo end a file with a newline that is not part of the secret.
	text := strings.TrimRight(string(data), " \t\r\n")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}
