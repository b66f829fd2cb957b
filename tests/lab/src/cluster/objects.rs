//! The objects that a checked cluster runs.

/// Name of the Deployment and its Service.
pub const NAME: &str = "web";
/// Port of the Service.
pub const PORT: u16 = 80;
/// Port of its pods.
pub const POD_PORT: u16 = 8080;
/// Address of the cluster's DNS, the tenth of kubeadm's services.
pub const DNS: &str = "10.96.0.10";

/// Port of the Service on each node.
pub const NODE_PORT: u16 = 30080;
/// Port of each node that is the client's pod's.
pub const HOST_PORT: u16 = 8081;

/// kubeadm's configuration for a cluster whose kube-proxy works by nftables.
pub fn configuration(pods: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {}
networking: {{podSubnet: {pods}}}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
",
        firmware::control_plane::VERSION
    )
}

/// A Deployment with a replica for each node behind a Service, and a client on each node.
pub fn web(nodes: u8) -> String {
    let image = firmware::test_image::NAME;
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {NAME}}}
spec:
  type: NodePort
  selector: {{app: {NAME}}}
  ports: [{{port: {PORT}, targetPort: {POD_PORT}, nodePort: {NODE_PORT}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: sticky}}
spec:
  sessionAffinity: ClientIP
  selector: {{app: {NAME}}}
  ports: [{{port: {PORT}, targetPort: {POD_PORT}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: each}}
spec:
  clusterIP: None
  selector: {{app: {NAME}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {NAME}}}
spec:
  replicas: {nodes}
  selector: {{matchLabels: {{app: {NAME}}}}}
  template:
    metadata: {{labels: {{app: {NAME}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      # A cluster for a look has few nodes: the first one takes pods, too.
      tolerations: [{{key: node-role.kubernetes.io/control-plane, operator: Exists}}]
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        nodeTaintsPolicy: Honor
        labelSelector: {{matchLabels: {{app: {NAME}}}}}
      containers:
      - name: web
        image: {image}
        command: [sh, -c, 'mkdir /tmp/www && hostname >/tmp/www/index.html && exec httpd -f -p {POD_PORT} -h /tmp/www']
        readinessProbe: {{tcpSocket: {{port: {POD_PORT}}}, periodSeconds: 2}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: client}}
spec:
  selector: {{matchLabels: {{app: client}}}}
  template:
    metadata: {{labels: {{app: client}}}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{{key: node-role.kubernetes.io/control-plane, operator: Exists}}]
      containers:
      - name: client
        image: {image}
        command: [sh, -c, 'mkdir /tmp/www && hostname >/tmp/www/index.html && exec httpd -f -p {POD_PORT} -h /tmp/www']
        ports: [{{containerPort: {POD_PORT}, hostPort: {HOST_PORT}}}]
"
    )
}
