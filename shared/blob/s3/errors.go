package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// status is the HTTP status and S3's code of an answer that is an error; 0 and ""
// if err is none.
func status(err error) (int, string) {
	var answer *awshttp.ResponseError
	var api smithy.APIError
	switch {
	case !errors.As(err, &answer):
		return 0, ""
	case !errors.As(err, &api):
		return answer.HTTPStatusCode(), ""
	}
	return answer.HTTPStatusCode(), api.ErrorCode()
}

// isConflict says whether a put was refused for its condition: 412, or 409 where
// another conditional write of the object is under way.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func isConflict(err error) bool {
	code, name := status(err)
	return code == http.StatusPreconditionFailed || code == http.StatusConflict && name == "ConditionalRequestConflict"
}

// isAbsent says whether there is no such object. That there is no such bucket is
// another matter: what cannot be read is not empty.
func isAbsent(err error) bool {
	code, name := status(err)
	return code == http.StatusNotFound && (name == "NoSuchKey" || name == "NotFound")
}

// explain adds the remedy where there is one, and makes of an absent object
// fs.ErrNotExist.
func explain(err error) error {
	if isAbsent(err) {
		return fs.ErrNotExist
	}
	switch _, name := status(err); name {
	case "NoSuchBucket":
		return fmt.Errorf("the bucket does not exist: make it, or correct its name: %w", err)
	case "AccessDenied":
		return fmt.Errorf("allow s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket: %w", err)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fmt.Errorf("the bucket is in another region: set AWS_REGION: %w", err)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken":
		return fmt.Errorf("the AWS credentials are wrong or have expired: %w", err)
	case "RequestTimeTooSkewed":
		return fmt.Errorf("this machine's clock is wrong: set it: %w", err)
	case "KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException":
		return fmt.Errorf("the key that the bucket is encrypted with cannot be used: enable it: %w", err)
	}
	return err
}
