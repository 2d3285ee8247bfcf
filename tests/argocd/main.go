// Command argocd is the Argo CD that the cluster tests run: application controller, repo server
// and ApplicationSet controller in one file, linked once, and a Redis for them in memory.
//
// The first argument names the component, the rest are that component's own flags.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
	appcontroller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// exitWithParent names the variable that ties this process to its parent: the parent holds the
// other end of standard input open, and the kernel closes it however the parent ends.
const exitWithParent = "ORZ_EXIT_WITH_PARENT"

func main() {
	if len(os.Args) < 2 {
		fail("usage: argocd redis|repo-server|application-controller|applicationset-controller [flags]")
	}
	if os.Getenv(exitWithParent) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	component := os.Args[1]
	// Each component parses the arguments of the process; it must not see the component's name twice.
	os.Args = append([]string{"argocd-" + component}, os.Args[2:]...)
	switch component {
	case "redis":
		redis(os.Args[1:])
	case "repo-server":
		run(reposerver.NewCommand())
	case "application-controller":
		run(appcontroller.NewCommand())
	case "applicationset-controller":
		run(applicationset.NewCommand())
	default:
		fail(fmt.Sprintf("no component `%s`", component))
	}
}

// redis serves until the process is ended; its one argument is the address to listen on.
func redis(arguments []string) {
	if len(arguments) != 1 {
		fail("usage: argocd redis <address>")
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(arguments[0]); err != nil {
		fail(err.Error())
	}
	fmt.Println("redis listens on " + server.Addr())
	// Its clock stands still by itself, and what Argo CD caches for a time would never expire.
	for {
		time.Sleep(time.Second)
		server.FastForward(time.Second)
	}
}

func run(command *cobra.Command) {
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "argocd: "+message)
	os.Exit(2)
}
