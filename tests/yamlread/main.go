// Command yamlread reads YAML documents the way kubectl does and writes them as JSON.
//
// Protocol: each document on standard input is a line with its length in bytes, in decimal,
// followed by exactly that many bytes and a line feed. Each answer is one line: the document as
// JSON, or `!error ` and the reason, of which the first line is kept. Answers stand in the order
// of the documents and are flushed when no further input is waiting, so that one process can
// serve both a stream of thousands and a conversation.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "yamlread: "+err.Error())
		os.Exit(1)
	}
}

func serve(input io.Reader, output io.Writer) error {
	in := bufio.NewReaderSize(input, 1<<20)
	out := bufio.NewWriterSize(output, 1<<20)
	defer out.Flush()
	for {
		header, err := in.ReadString('\n')
		if err == io.EOF && header == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("a length line is cut off: %w", err)
		}
		length, err := strconv.Atoi(strings.TrimSuffix(header, "\n"))
		if err != nil || length < 0 {
			return fmt.Errorf("%q is not a length", header)
		}
		document := make([]byte, length+1)
		if _, err := io.ReadFull(in, document); err != nil {
			return fmt.Errorf("a document of %d bytes is cut off: %w", length, err)
		}
		if document[length] != '\n' {
			return fmt.Errorf("no line feed after a document of %d bytes", length)
		}
		if _, err := out.WriteString(answer(document[:length]) + "\n"); err != nil {
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// answer is one line: the strict reading, so that a duplicate key is an error and not a choice.
func answer(document []byte) string {
	json, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		return "!error " + reason
	}
	return strings.ReplaceAll(string(json), "\n", " ")
}
