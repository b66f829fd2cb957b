//! The objects that a checked cluster runs.

/// Name of the Deployment and its Service.
pub const NAME: &str = "web";
/// Port of the Service.
pub const PORT: u16 = 80;
/// Port of its pods.
pub const POD_PORT: u16 = 8080;
/// Address of the cluster's DNS, the tenth of kubeadm's services.
pub const DNS: &str = "10.96.0.10";

/// A Deployment with a replica for each node behind a Service, and a client on each node.
pub fn web(nodes: u8) -> String {
    let image = firmware::test_image::NAME;
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {NAME}}}
spec:
  selector: {{app: {NAME}}}
  ports: [{{port: {PORT}, targetPort: {POD_PORT}}}]
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
      - {{name: client, image: '{image}', command: [sleep, '100000']}}
"
    )
}
