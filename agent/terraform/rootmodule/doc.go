// Package rootmodule reads a root module in a checkout, before or beside the tool that plans it: where the configuration says that
// the state is ([ReadBackends]), which variables it declares ([Dir.Variables]), and what var files give these ([Dir.FromVarFiles]).
//
// It reads as the tool does, override files last, and only files that the tool reads ([hclfile.Files]). A file that does not parse is
// read as far as it goes: the tool refuses it, with words of its own. A file that is too large or too deep is an error, since what is
// not read to its end must not pass for one that says nothing.
package rootmodule
