// Command controlplane is the control plane that the cluster tests run: etcd, kube-apiserver
// and kube-controller-manager in one file, linked once, so that their libraries are shared.
//
// The first argument names the component, the rest are that component's own flags.
package main

import (
	"fmt"
	"io"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// exitWithParent names the variable that ties this process to its parent: the parent holds the
// other end of standard input open, and the kernel closes it however the parent ends.
const exitWithParent = "ORZ_EXIT_WITH_PARENT"

func main() {
	if len(os.Args) < 2 {
		fail("usage: controlplane etcd|kube-apiserver|kube-controller-manager [flags]")
	}
	if os.Getenv(exitWithParent) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	component := os.Args[1]
	// Each component parses the arguments of the process; it must not see the component's name twice.
	os.Args = append([]string{component}, os.Args[2:]...)
	switch component {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	default:
		fail(fmt.Sprintf("no component `%s`", component))
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "controlplane: "+message)
	os.Exit(2)
}
