// Command kubenode is what a SONiC switch runs of Kubernetes 1.22, in one file: `kubenode kubelet` with the built-in
// Docker runtime, and `kubenode kubeadm`.
package main

import (
	"log"
	"os"

	"github.com/spf13/cobra"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app/cmd"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func program(name string) *cobra.Command {
	switch name {
	case "kubelet":
		return kubelet.NewKubeletCommand()
	case "kubeadm":
		return kubeadm.NewKubeadmCommand(os.Stdin, os.Stdout, os.Stderr)
	}
	return nil
}

func main() {
	if len(os.Args) > 1 {
		if command := program(os.Args[1]); command != nil {
			os.Args = os.Args[1:]
			if err := command.Execute(); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	log.Fatal("usage: kubenode kubelet|kubeadm [OPTION...]")
}
